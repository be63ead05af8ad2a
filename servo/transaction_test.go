package servo_test

import (
	"bytes"
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/servokit/servokit/connector"
	"github.com/servokit/servokit/optimizer"
	"github.com/servokit/servokit/servo"
	"github.com/servokit/servokit/servo/journal"
	"github.com/servokit/servokit/servo/journal/journaltest"
	"github.com/servokit/servokit/servo/record"
	"github.com/servokit/servokit/types"
)

func workersOf(name string, n int64) types.Adjustments {
	return types.Adjustments{{Component: name, Setting: "workers", Value: types.Int(n)}}
}

func openJournal(t *testing.T, disk *journaltest.Disk) *journal.File {
	t.Helper()
	file, err := journal.Open(journal.Options{Path: "/servo/journal", FS: disk})
	require.NoError(t, err)
	return file
}

// prepare writes a journal as an earlier run would have left it.
func prepare(t *testing.T, disk *journaltest.Disk, entries ...journal.Entry) {
	t.Helper()
	file := openJournal(t, disk)
	_, err := file.Load(t.Context())
	require.NoError(t, err)
	for _, e := range entries {
		require.NoError(t, file.Append(t.Context(), e))
	}
	require.NoError(t, file.Close())
}

// left returns the state that a run has left in the journal.
func left(t *testing.T, disk *journaltest.Disk) journal.State {
	t.Helper()
	file := openJournal(t, disk)
	state, err := file.Load(t.Context())
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return state
}

// journaled runs a servo with a journal over the commands.
func journaled(t *testing.T, disk *journaltest.Disk, opt *backend, change func(*servo.Options), apps ...*app) error {
	t.Helper()
	file := openJournal(t, disk)
	defer func() { require.NoError(t, file.Close()) }()
	s := newServo(t, opt, nil, func(o *servo.Options) {
		o.Journal = file
		if change != nil {
			change(o)
		}
	})
	use(t, s, apps...)
	return runUntilIdle(t, s, opt)
}

func TestAnAdjustmentIsCommittedOrRolledBack(t *testing.T) {
	boom := errors.New("boom")
	wanted := optimizer.Command{Verb: optimizer.Adjust, UID: "u1", Adjustments: append(workersOf("a", 4), workersOf("b", 5)...)}
	tests := []struct {
		name   string
		change func(a, b *app)
		a, b   int64 // in force afterwards
		says   []string
		open   bool // the journal says that it is not settled
	}{
		{name: "both adjust", a: 4, b: 5},
		{
			name: "one fails after the other has changed", a: 2, b: 2, says: []string{"boom"},
			change: func(_, b *app) {
				b.adjust = func(ctx context.Context, _ connector.AdjustRequest) (types.Description, error) {
					time.Sleep(time.Second) // virtual; the other is done by then
					return types.Description{}, boom
				}
			},
		},
		{
			name: "one says that it has adjusted and has not", a: 2, b: 2, says: []string{"b.workers should be 5 and is 2"},
			change: func(_, b *app) {
				b.adjust = func(context.Context, connector.AdjustRequest) (types.Description, error) {
					return types.Description{}, nil
				}
			},
		},
		{
			name: "and the way back is blocked", a: 4, b: 2, open: true,
			says: []string{"boom", "the previous configuration could not be restored"},
			change: func(a, b *app) {
				set := a.adjust
				a.adjust = func(_ context.Context, r connector.AdjustRequest) (types.Description, error) {
					_ = set
					if r.Adjustments[0].Value.Equal(types.Int(2)) {
						return types.Description{}, errors.New("no way back")
					}
					a.setting = a.setting.With(r.Adjustments[0].Value)
					return types.Description{}, nil
				}
				b.adjust = func(context.Context, connector.AdjustRequest) (types.Description, error) {
					time.Sleep(time.Second)
					return types.Description{}, boom
				}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newApp("a", nil), newApp("b", nil)
				if tt.change != nil {
					tt.change(a, b)
				}
				disk := journaltest.NewDisk(1)
				opt := newBackend(wanted)
				require.NoError(t, journaled(t, disk, opt, nil, a, b))
				assert.Equal(t, types.Int(tt.a), a.setting.Value)
				assert.Equal(t, types.Int(tt.b), b.setting.Value)
				replies := opt.all("reply")
				require.Len(t, replies, 1)
				assert.Equal(t, len(tt.says) > 0, replies[0].result.Outcome == types.Failed)
				for _, text := range tt.says {
					assert.Contains(t, replies[0].result.Message, text)
				}
				state := left(t, disk)
				assert.Equal(t, tt.open, state.Open != nil)
				assert.Nil(t, state.Pending, "the answer was taken")
				assert.ElementsMatch(t, append(workersOf("a", 2), workersOf("b", 2)...), state.Baseline)
				if !tt.open {
					assert.ElementsMatch(t, append(workersOf("a", tt.a), workersOf("b", tt.b)...), state.Committed)
				}
			})
		})
	}
}

func TestNothingIsMeasuredInAnUnknownState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp("a", nil)
		healed := false
		a.adjust = func(_ context.Context, r connector.AdjustRequest) (types.Description, error) {
			to := r.Adjustments[0].Value
			if to.Equal(types.Int(2)) && !healed {
				return types.Description{}, errors.New("no way back")
			}
			a.setting = a.setting.With(to)
			if to.Equal(types.Int(4)) {
				return types.Description{}, errors.New("halfway")
			}
			return types.Description{}, nil
		}
		measured := 0
		a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
			measured++
			return types.Measurement{}, nil
		}
		opt := newBackend(adjust(4), measureCommand, adjust(4), measureCommand)
		opt.reply = func(r optimizer.Result) error {
			if r.Verb == optimizer.Measure && measured == 0 {
				healed = true // whatever was in the way has gone
			}
			return nil
		}
		results := run(t, opt, a)
		require.Len(t, results, 4)
		assert.Equal(t, types.Failed, results[1].Outcome)
		assert.Contains(t, results[1].Message, "nothing was measured")
		assert.Equal(t, types.Failed, results[2].Outcome)
		assert.Empty(t, results[3].Outcome)
		assert.Equal(t, 1, measured)
		assert.Equal(t, types.Int(2), a.setting.Value)
	})
}

// refusing is a journal whose disk breaks when an adjustment is committed.
type refusing struct {
	journal.Store
	broken *bool
}

func (r refusing) Append(ctx context.Context, e journal.Entry) error {
	*r.broken = *r.broken || e.Kind == journal.Commit
	return r.Store.Append(ctx, e)
}

// A commit that could not be written may be in the file all the same. Then the
// application must not be led back behind the back of the journal.
func TestACommitInDoubt(t *testing.T) {
	for _, tt := range []struct {
		name  string
		heals bool // before the next entry
		want  int64
	}{{"stays in doubt", false, 4}, {"is resolved", true, 2}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, broken := journaltest.NewDisk(1), false
				failed := 0
				disk.Before(func(op journaltest.Op) error {
					if broken && op.Kind == journaltest.OpTruncate && !tt.heals || broken && op.Kind == journaltest.OpSync && (!tt.heals || failed == 0) {
						failed++
						return syscall.EIO
					}
					return nil
				})
				a := newApp("a", nil)
				opt := newBackend(adjust(4), measureCommand)
				require.NoError(t, journaled(t, disk, opt, func(o *servo.Options) { o.Journal = refusing{o.Journal, &broken} }, a))
				disk.Before(nil)
				replies := opt.all("reply")
				require.Len(t, replies, 2)
				assert.Equal(t, types.Failed, replies[0].result.Outcome)
				assert.Equal(t, types.Int(tt.want), a.setting.Value)
				if !tt.heals {
					assert.Contains(t, replies[0].result.Message, "the adjustment is left in force")
					assert.Contains(t, replies[1].result.Message, "nothing was measured")
				}
				state := left(t, disk)
				assert.Nil(t, state.Open)
				assert.Equal(t, workersOf("a", tt.want), state.Committed, "what the next run believes is so")
			})
		})
	}
}

// What an adjustment goes back to is what was in force once an earlier one, which
// had failed halfway, was settled.
func TestAnAdjustmentBehindOneThatFailedHalfway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newApp("a", nil), newApp("b", nil)
		healed := false
		a.adjust = func(_ context.Context, r connector.AdjustRequest) (types.Description, error) {
			to := r.Adjustments[0].Value
			if to.Equal(types.Int(2)) && !healed {
				return types.Description{}, errors.New("no way back")
			}
			a.setting = a.setting.With(to)
			if to.Equal(types.Int(2)) {
				return types.Description{}, nil
			}
			return types.Description{}, errors.New("halfway")
		}
		both := optimizer.Command{Verb: optimizer.Adjust, UID: "u1", Adjustments: append(workersOf("a", 4), workersOf("b", 5)...)}
		one := optimizer.Command{Verb: optimizer.Adjust, UID: "u2", Adjustments: workersOf("a", 6)}
		opt := newBackend(both, one)
		opt.reply = func(optimizer.Result) error {
			healed = true
			return nil
		}
		disk := journaltest.NewDisk(1)
		require.NoError(t, journaled(t, disk, opt, nil, a, b))
		require.Len(t, opt.all("reply"), 2)
		assert.Equal(t, types.Int(2), a.setting.Value)
		assert.Equal(t, types.Int(2), b.setting.Value)
		assert.Nil(t, left(t, disk).Open)
	})
}

func TestNothingIsAdjustedThatTheJournalDoesNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range []journal.Kind{journal.Intent, journal.Applied, journal.Commit} {
			a, opt, store := newApp("a", nil), newBackend(adjust(4)), &fullStore{at: kind}
			s := newServo(t, opt, nil, func(o *servo.Options) { o.Journal = store })
			use(t, s, a)
			require.NoError(t, runUntilIdle(t, s, opt))
			replies := opt.all("reply")
			require.Len(t, replies, 1)
			assert.Equal(t, types.Failed, replies[0].result.Outcome, kind)
			assert.Contains(t, replies[0].result.Message, "no space left on device")
			assert.Equal(t, types.Int(2), a.setting.Value, "%s: it is as it was", kind)
		}
	})
}

// fullStore refuses one kind of entry, the first time.
type fullStore struct {
	at   journal.Kind
	done bool
}

func (f *fullStore) Load(context.Context) (journal.State, error) { return journal.State{}, nil }
func (f *fullStore) Close() error                                { return nil }
func (f *fullStore) Append(_ context.Context, e journal.Entry) error {
	if e.Kind == f.at && !f.done {
		f.done = true
		return syscall.ENOSPC
	}
	return nil
}

func TestAStartRestoresWhatAnEarlierRunHasLeft(t *testing.T) {
	intent := journal.Entry{Kind: journal.Intent, Verb: optimizer.Adjust, UID: "u1", Adjustments: workersOf("a", 7), Previous: workersOf("a", 2)}
	commit := journal.Entry{Kind: journal.Commit, Verb: optimizer.Adjust, UID: "u1", Adjustments: workersOf("a", 7)}
	second := journal.Entry{Kind: journal.Intent, Verb: optimizer.Adjust, UID: "u2", Adjustments: workersOf("a", 8), Previous: workersOf("a", 7)}
	tests := []struct {
		name     string
		entries  []journal.Entry
		found    int64 // what the application has at the start
		recovery servo.Recovery
		then     int64
	}{
		{"nothing in the journal", nil, 3, servo.RecoverCommitted, 3},
		{"an adjustment was under way", []journal.Entry{intent}, 7, servo.RecoverCommitted, 2},
		{"it had not begun", []journal.Entry{intent}, 2, servo.RecoverCommitted, 2},
		{"one was committed", []journal.Entry{intent, commit}, 7, servo.RecoverCommitted, 7},
		{"and somebody has changed it since", []journal.Entry{intent, commit}, 5, servo.RecoverCommitted, 5},
		{"a second one was under way", []journal.Entry{intent, commit, second}, 8, servo.RecoverCommitted, 7},
		{"the baseline is wanted", []journal.Entry{intent, commit}, 7, servo.RecoverBaseline, 2},
		{"the baseline is wanted in an adjustment", []journal.Entry{intent, commit, second}, 8, servo.RecoverBaseline, 2},
		{"the component is gone", []journal.Entry{{
			Kind: journal.Intent, Verb: optimizer.Adjust, UID: "u1", Adjustments: workersOf("z", 7), Previous: workersOf("z", 2),
		}}, 3, servo.RecoverCommitted, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := journaltest.NewDisk(1)
				prepare(t, disk, tt.entries...)
				a := newApp("a", nil)
				a.setting = a.setting.With(types.Int(tt.found))
				opt := newBackend()
				opt.hello = func(context.Context, int) error {
					assert.Equal(t, types.Int(tt.then), a.setting.Value, "before the greeting")
					return nil
				}
				require.NoError(t, journaled(t, disk, opt, func(o *servo.Options) { o.Recovery = tt.recovery }, a))
				assert.Equal(t, types.Int(tt.then), a.setting.Value)
				assert.Nil(t, left(t, disk).Open)
			})
		})
	}
}

func TestARestoreIsTriedAgainAndThenEndsTheServo(t *testing.T) {
	intent := journal.Entry{Kind: journal.Intent, Verb: optimizer.Adjust, UID: "u1", Adjustments: workersOf("a", 7), Previous: workersOf("a", 2)}
	for _, tt := range []struct {
		name    string
		failing int
		says    string
	}{{"the third time it works", 2, ""}, {"it never works", 1000, "giving up after 10 tries: restore hook of a: the cluster is away"}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := journaltest.NewDisk(1)
				prepare(t, disk, intent)
				a, opt, tries := newApp("a", nil), newBackend(), 0
				s := newServo(t, opt, nil, func(o *servo.Options) {
					file := openJournal(t, disk)
					t.Cleanup(func() { _ = file.Close() })
					o.Journal = file
				})
				require.NoError(t, s.Use("a", bind(func(h *connector.Host) error {
					connector.Restore.On(h, func(_ context.Context, r connector.RestoreRequest) (types.Description, error) {
						assert.Equal(t, connector.RestoreRequest{Adjustments: workersOf("a", 2), Interrupted: workersOf("a", 7)}, r)
						if tries++; tries <= tt.failing {
							return types.Description{}, errors.New("the cluster is away")
						}
						return types.Description{}, nil
					})
					return a.Bind(h)
				})))
				err := runUntilIdle(t, s, opt)
				if tt.says == "" {
					require.NoError(t, err)
					assert.Equal(t, 3, tries)
					return
				}
				require.ErrorContains(t, err, tt.says)
				assert.Equal(t, 10, tries)
				assert.Empty(t, opt.all("hello"), "an unknown state is nothing to tell anybody about")
			})
		})
	}
}

// A journal that was lost is no reason to leave an application halfway.
func TestAStartWithALostJournal(t *testing.T) {
	settings := func(workers, threads int64) types.Adjustments {
		return types.Adjustments{{Component: "a", Setting: "workers", Value: types.Int(workers)}, {Component: "b", Setting: "workers", Value: types.Int(threads)}}
	}
	intent := journal.Entry{Kind: journal.Intent, Verb: optimizer.Adjust, UID: "u1", Adjustments: settings(7, 7), Previous: settings(2, 2)}
	for _, tt := range []struct {
		name         string
		a, b         int64
		thenA, thenB int64
	}{
		{"cut short", 7, 2, 2, 2},
		{"finished, for all one knows", 7, 7, 7, 7},
		{"not begun", 2, 2, 2, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := journaltest.NewDisk(1)
				answer := optimizer.Result{Verb: optimizer.Measure, UID: "u0"}
				prepare(t, disk, intent, journal.Entry{Kind: journal.Result, Verb: optimizer.Measure, UID: "u0", Answer: &answer},
					journal.Entry{Kind: journal.Ack, Verb: optimizer.Measure, UID: "u0"})
				data, err := disk.ReadFile("/servo/journal")
				require.NoError(t, err)
				require.NoError(t, disk.Flip("/servo/journal", 8*bytes.Index(data, []byte(`"kind":"result"`))))
				a, b := newApp("a", nil), newApp("b", nil)
				a.setting, b.setting = a.setting.With(types.Int(tt.a)), b.setting.With(types.Int(tt.b))
				greeted := &greeting{backend: newBackend()}
				file := openJournal(t, disk)
				defer func() { require.NoError(t, file.Close()) }()
				s := newServo(t, greeted, nil, func(o *servo.Options) { o.Journal = file })
				use(t, s, a, b)
				require.NoError(t, runUntilIdle(t, s, greeted.backend))
				assert.Equal(t, types.Int(tt.thenA), a.setting.Value)
				assert.Equal(t, types.Int(tt.thenB), b.setting.Value)
				assert.Equal(t, "lost", greeted.telemetry["servox.journal"], "the optimizer may want to know")
			})
		})
	}
}

func TestAnAnswerThatWasNotTakenIsDeliveredOnce(t *testing.T) {
	answer := optimizer.Result{Verb: optimizer.Measure, UID: "measure", Outcome: types.Aborted, Reason: "slo-violation", Message: "too slow"}
	pending := journal.Entry{Kind: journal.Result, Verb: optimizer.Measure, UID: "measure", Answer: &answer}
	tests := []struct {
		name      string
		commands  []any
		delivered int
		measured  int
	}{
		{"it is asked for", []any{measureCommand, measureCommand}, 1, 1},
		{"something else is asked for", []any{describeCommand, measureCommand}, 0, 1},
		{"another one is asked for", []any{optimizer.Command{Verb: optimizer.Measure, UID: "other"}}, 0, 1},
		{"the optimizer does not say which one it wants", []any{optimizer.Command{Verb: optimizer.Measure}}, 0, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := journaltest.NewDisk(1)
				prepare(t, disk, pending)
				a, opt, measured := newApp("a", nil), newBackend(tt.commands...), 0
				a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
					measured++
					return types.Measurement{}, nil
				}
				require.NoError(t, journaled(t, disk, opt, nil, a))
				delivered := 0
				for _, c := range opt.all("reply") {
					if c.result.Message == "too slow" {
						delivered++
					}
				}
				assert.Equal(t, tt.delivered, delivered)
				assert.Equal(t, tt.measured, measured)
				assert.Nil(t, left(t, disk).Pending)
			})
		})
	}
}

func TestAnAnswerThatDoesNotArriveIsNotWorkedOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := journaltest.NewDisk(1)
		a, opt, measured, posts := newApp("a", nil), newBackend(measureCommand, measureCommand), 0, 0
		a.measure = func(context.Context, connector.MeasureRequest) (types.Measurement, error) {
			measured++
			return types.Measurement{}, nil
		}
		opt.reply = func(optimizer.Result) error {
			if posts++; posts == 1 {
				return errors.New("the network is down")
			}
			return nil
		}
		require.NoError(t, journaled(t, disk, opt, nil, a))
		assert.Equal(t, 1, measured)
		assert.Equal(t, 2, posts)
	})
}

func TestEverythingIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		opt := newBackend(describeCommand, adjust(4), measureCommand)
		require.NoError(t, journaled(t, journaltest.NewDisk(1), opt, func(o *servo.Options) {
			o.Record = record.New(&out, record.Options{Servo: "test", Run: "r1"})
		}, newApp("a", nil)))
		var lines []string
		at := map[string]string{"servo": "idle"}
		for e, err := range record.Read(&out) {
			require.NoError(t, err)
			switch e.Kind {
			case record.State:
				if e.Subject == "servo" {
					assert.Equal(t, at["servo"], e.From)
					at["servo"] = e.To
				}
				assert.NotEmpty(t, e.Why)
				lines = append(lines, e.Subject+" "+e.From+" → "+e.To)
			case record.Command, record.Outcome:
				lines = append(lines, string(e.Kind)+" "+e.Verb+" "+e.UID)
			case record.Journal:
				lines = append(lines, "journal "+e.Subject)
			case record.Send:
				if e.Event == "WHATS_NEXT" {
					continue // ends when the servo stops, before or after that is noted
				}
				lines = append(lines, "send "+e.Event)
			case record.Hook:
				lines = append(lines, "hook "+e.Event+" of "+e.Source)
			}
		}
		assert.Equal(t, []string{
			"servo idle → starting", "hook attach of a", "journal journal", "send HELLO", "hook startup of a", "servo starting → running",
			"command DESCRIBE describe", "command received → running", "hook describe of a", "outcome DESCRIBE describe", "command running → ok", "send DESCRIPTION",
			"command ADJUST adjust", "command received → running", "hook components of a", "journal intent", "hook adjust of a", "journal applied", "hook components of a", "journal commit",
			"outcome ADJUST adjust", "command running → ok", "journal result", "send ADJUSTMENT", "journal ack",
			"command MEASURE measure", "command received → running", "hook measure of a", "outcome MEASURE measure", "command running → ok",
			"journal result", "send MEASUREMENT", "journal ack",
			"servo running → stopping", "hook shutdown of a", "send GOODBYE", "hook detach of a", "servo stopping → ended",
		}, lines)
	})
}
