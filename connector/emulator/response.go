package emulator

import (
	"math"

	"github.com/servokit/servokit/config"
	"github.com/servokit/servokit/types"
)

// Response holds the coefficients of the model that the readings come from. The
// package documentation has its formulas.
type Response struct {
	// Load is how many requests arrive per second. Positive. Default 200.
	Load float64 `yaml:"load" description:"Requests that arrive per second."`
	// CoreRate is how many requests per second one core serves. Positive.
	// Default 50.
	CoreRate float64 `yaml:"core_rate" description:"Requests per second that one core serves."`
	// Contention is the share of the work in a replica that its cores cannot
	// do side by side, from 0 to less than 1. Default 0.06.
	Contention float64 `yaml:"contention" description:"Share of the work in a replica that its cores cannot do side by side, from 0 to less than 1."`
	// WorkingSet is the memory, in GiB, at which a replica is half as fast as
	// with plenty. Default 0.5.
	WorkingSet float64 `yaml:"working_set" description:"Memory in GiB at which a replica is half as fast as with plenty."`
	// QueueLimit is how many requests can wait per replica; more than that are
	// errors. From 0 to 1000. Default 20.
	QueueLimit int `yaml:"queue_limit" description:"Requests that can wait per replica, from 0 to 1000; more are errors."`
	// ErrorFloor is how many percent of the requests fail in any case, from 0
	// to 100. Default 0.1.
	ErrorFloor float64 `yaml:"error_floor" description:"Percent of the requests that fail in any case."`
	// CPUPrice and MemPrice are what a core and a GiB cost per hour, in no
	// particular currency. Default 0.0316 and 0.0042.
	CPUPrice float64 `yaml:"cpu_price" description:"Cost of a core per hour."`
	MemPrice float64 `yaml:"mem_price" description:"Cost of a GiB per hour."`
	// Noise is the relative standard deviation of a sample, from 0, which is
	// the exact model, to 1. Default 0.05.
	Noise float64 `yaml:"noise" description:"Relative standard deviation of a sample, from 0 to 1."`
}

func defaultResponse() Response {
	return Response{
		Load: 200, CoreRate: 50, Contention: 0.06, WorkingSet: 0.5, QueueLimit: 20, ErrorFloor: 0.1,
		CPUPrice: 0.0316, MemPrice: 0.0042, Noise: 0.05,
	}
}

const (
	maxServers    = 1000 // replicas that the model tells apart
	maxQueueLimit = 1000
	memorySlope   = 4
)

// validate reports every coefficient that the model cannot use.
func (r Response) validate(path string) []error {
	var errs []error
	accept := func(ok bool, key string, value float64, accepted string) {
		if !ok || math.IsInf(value, 0) {
			errs = append(errs, config.Invalid(path+key, value, accepted))
		}
	}
	accept(r.Load > 0, "load", r.Load, "a positive number of requests per second")
	accept(r.CoreRate > 0, "core_rate", r.CoreRate, "a positive number of requests per second")
	accept(r.Contention >= 0 && r.Contention < 1, "contention", r.Contention, "a number from 0 to less than 1")
	accept(r.WorkingSet >= 0, "working_set", r.WorkingSet, "zero or a positive number of GiB")
	accept(r.ErrorFloor >= 0 && r.ErrorFloor <= 100, "error_floor", r.ErrorFloor, "a percentage from 0 to 100")
	accept(r.CPUPrice >= 0, "cpu_price", r.CPUPrice, "zero or a positive number")
	accept(r.MemPrice >= 0, "mem_price", r.MemPrice, "zero or a positive number")
	accept(r.Noise >= 0 && r.Noise <= 1, "noise", r.Noise, "a number from 0 to 1")
	if r.QueueLimit < 0 || r.QueueLimit > maxQueueLimit {
		errs = append(errs, config.Invalid(path+"queue_limit", r.QueueLimit, "a number from 0 to 1000"))
	}
	return errs
}

// figures are what the model says of a configuration.
type figures struct {
	throughput  float64 // requests per second that did not fail
	errors      float64 // percent
	latency     float64 // mean, in seconds; NaN when nobody is served
	utilization float64 // percent, of the busiest component
	cores       float64 // that are busy
	cost        float64 // per hour
}

// predict returns what the model says of the components with their values.
// Effects has those of the settings, in the same order.
func (r Response) predict(components []types.Component, effects [][]Effect) figures {
	f := figures{throughput: r.Load}
	for i, c := range components {
		replicas, cores, memory := amount(c, types.ReplicasRole, 1), amount(c, types.CPURole, 1), amount(c, types.MemoryRole, 0)
		q := queue{servers: int(min(replicas, maxServers)), rate: r.CoreRate * cores / (1 + r.Contention*(cores-1))}
		q.places = q.servers * (1 + r.QueueLimit)
		price := cores*r.CPUPrice + memory*r.MemPrice
		if _, ok := c.Setting(string(types.MemoryRole)); ok {
			q.rate *= speed(memory, r.WorkingSet)
		}
		for j, s := range c.Settings {
			q.rate *= effects[i][j].factor(s)
			price += effects[i][j].price(s)
		}
		passed := q.pass(f.throughput)
		f.throughput = passed.served
		f.latency += passed.seconds
		f.utilization = max(f.utilization, 100*passed.busy)
		f.cores += passed.busy * replicas * cores
		f.cost += replicas * price
	}
	f.throughput *= 1 - r.ErrorFloor/100
	f.errors = 100 * (1 - f.throughput/r.Load)
	return f
}

// speed is the share of its speed that a replica keeps with so much memory.
func speed(memory, workingSet float64) float64 {
	if memory <= 0 {
		return 0
	}
	return 1 / (1 + math.Pow(workingSet/memory, memorySlope))
}

// amount returns the value of a setting, 0 for one below, or what counts when
// there is none.
func amount(c types.Component, role types.Role, without float64) float64 {
	if s, ok := c.Setting(string(role)); ok {
		if v, ok := s.Value.Float64(); ok {
			return max(0, v)
		}
	}
	return without
}
