package vegeta

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	lib "github.com/tsenart/vegeta/v12/lib"
)

// shot is one request that was sent and has ended. Times count from the begin
// of the attack.
type shot struct {
	start      time.Time // of the attack
	seq        uint64
	sent, done time.Duration
	answered   bool // with whatever status
	ok         bool
	err        string
}

// effort is what a generator says about its own work.
type effort struct {
	start time.Time
	// outstanding is the highest number of requests that waited for their
	// answers at a time.
	outstanding uint64
	// localFaults counts connections that could not be opened because this
	// machine ran out of something; localFault is the first such error.
	localFaults uint64
	localFault  string
}

// generator sends requests as scheduled and reports each when it has ended,
// from one goroutine. It returns when no request is under way any more: when
// the schedule is over, when ctx has ended, or when report has returned false.
type generator interface {
	run(ctx context.Context, targets []lib.Target, s schedule, report func(shot) bool) effort
}

// attacker generates load with the library.
type attacker struct{ config Config }

func (a attacker) run(ctx context.Context, targets []lib.Target, s schedule, report func(shot) bool) effort {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dial := &dialer{life: ctx}
	transport := newTransport(a.config, dial)
	defer transport.CloseIdleConnections()
	attack := lib.NewAttacker(
		lib.Client(&http.Client{Transport: transport, Timeout: a.config.Timeout.Std()}),
		lib.Workers(a.config.Workers),
		lib.MaxWorkers(limit(a.config.MaxWorkers)),
		lib.MaxBody(a.config.MaxBody),
	)
	// The attack waits for a free worker without looking at the time, so it
	// has to be stopped from outside when it cannot keep the schedule.
	defer context.AfterFunc(ctx, func() { attack.Stop() })()
	p := &pacer{ctx: ctx, schedule: s, grace: a.config.MaxLag.Std()}
	defer time.AfterFunc(s.end()+p.grace, func() { attack.Stop() }).Stop()

	for r := range attack.Attack(lib.NewStaticTargeter(targets...), p, 0, "") {
		p.received.Add(1)
		if ctx.Err() != nil {
			continue // drain: these have been cut off
		}
		sent := r.Timestamp.Sub(p.start)
		if !report(shot{start: p.start, seq: r.Seq, sent: sent, done: sent + r.Latency, answered: r.Code > 0, ok: r.Code >= 200 && r.Code < 400, err: r.Error}) {
			cancel()
		}
	}
	e := effort{start: p.start, outstanding: min(p.peak, limit(a.config.MaxWorkers)), localFaults: dial.faults.Load()}
	if first := dial.fault.Load(); first != nil {
		e.localFault = *first
	}
	return e
}

func limit(workers uint64) uint64 {
	if workers == 0 {
		return math.MaxUint64
	}
	return workers
}

// pacer releases request n when it is due. Unlike those of the library it waits
// with a context and keeps the exact schedule, also for rates that do not divide
// a second into whole nanoseconds. Only the attack's goroutine calls it; start
// and peak may be read by whoever has received a result, or the end of them.
type pacer struct {
	ctx      context.Context //nolint:containedctx // the library calls Pace without one
	schedule schedule
	grace    time.Duration // how long after the end to catch up
	received atomic.Uint64

	start time.Time
	peak  uint64
	timer *time.Timer
}

// Pace blocks until the next request is due.
func (p *pacer) Pace(_ time.Duration, hits uint64) (time.Duration, bool) {
	if p.timer == nil {
		p.start = time.Now()
		p.timer = time.NewTimer(0)
		<-p.timer.C
	}
	if p.ctx.Err() != nil {
		return 0, true
	}
	p.peak = max(p.peak, hits-min(hits, p.received.Load()))
	elapsed := time.Since(p.start)
	if p.schedule.rate.infinite() {
		return 0, elapsed >= p.schedule.end()
	}
	due := p.schedule.rate.at(hits)
	if due >= p.schedule.end() || elapsed > p.schedule.end()+p.grace {
		return 0, true
	}
	if due > elapsed {
		p.timer.Reset(due - elapsed)
		select {
		case <-p.timer.C:
		case <-p.ctx.Done():
			p.timer.Stop()
			return 0, true
		}
	}
	return 0, false
}

// Rate returns the constant rate per second.
func (p *pacer) Rate(time.Duration) float64 { return p.schedule.rate.perSecond() }

// newTransport sets up the connections of one attack. The options of the library
// are not used for this: with them nobody could close what it has opened.
func newTransport(c Config, d *dialer) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(c.HTTP2)
	if c.KeepAlive {
		d.KeepAlive = 30 * time.Second
	} else {
		d.KeepAlive = -1
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         d.dial,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: c.Insecure, MinVersion: tls.VersionTLS12}, //nolint:gosec // only when asked for
		Protocols:           &protocols,
		MaxIdleConnsPerHost: c.Connections,
		DisableKeepAlives:   !c.KeepAlive,
	}
}

// dialer opens connections that end with the attack: closing them is what cuts
// off requests, because the library gives requests no context.
type dialer struct {
	net.Dialer
	life   context.Context //nolint:containedctx // the life of the connections
	faults atomic.Uint64
	fault  atomic.Pointer[string]
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.life, cancel)()
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		if isLocal(err) {
			d.faults.Add(1)
			text := cleanError(err.Error())
			d.fault.CompareAndSwap(nil, &text)
		}
		return nil, err
	}
	return &boundConn{conn, context.AfterFunc(d.life, func() { _ = conn.Close() })}, nil
}

// isLocal reports whether it was this machine and not the target that refused.
func isLocal(err error) bool {
	for _, fault := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, fault) {
			return true
		}
	}
	// With IPv6 this also means that the machine has none, which is no
	// exhaustion: "localhost" is tried in both forms.
	var op *net.OpError
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || !errors.As(err, &op) {
		return false
	}
	remote, ok := op.Addr.(*net.TCPAddr)
	return ok && remote.IP.To4() != nil
}

// boundConn is a connection that an attack closes when it ends.
type boundConn struct {
	net.Conn
	release func() bool
}

// Close closes the connection.
func (c *boundConn) Close() error {
	c.release()
	return c.Conn.Close()
}
