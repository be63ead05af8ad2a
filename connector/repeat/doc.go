// Package repeat does things again and again, each under a name: it refreshes a
// token every ten minutes, polls a status every second. A connector gets the
// [Group] of its tasks from its host, which begins them after Startup and ends
// them before Shutdown:
//
//	err := host.Tasks().Start(repeat.Task{Name: "refresh", Every: 10 * time.Minute, Run: c.refresh})
//
// On its own a group runs as long as a context lasts:
//
//	g := repeat.New(repeat.Options{Owner: "app"})
//	err := g.Start(repeat.Task{Name: "poll", Every: time.Second, Run: poll})
//	err = g.Run(ctx)
//
// # When a task is called
//
// A task is called at once and then Every after each call has returned, so calls
// never pile up. With Beat the time counts from the beginning of a call, and a
// call may take longer than that: [Overrun] says whether the next one is then
// made late, left out, or the overrun is an error.
//
// # When a task fails
//
// An error of a call, a panic among them, is logged. Then the task goes on,
// goes on with longer pauses, ends, or ends everything, as its [OnError] says.
// A call that ends because the task was stopped has not failed.
//
// # By name
//
// [Group.Stop] ends one task and [Group.Tasks] lists them all, also those that
// have ended, with what they have done. A name is free again once its task has
// ended.
package repeat
