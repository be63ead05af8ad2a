package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"runtime/debug"
	"strconv"
)

// Each returns one check per item, run where Each stands in its suite. Severity,
// tags, description, timeout, hint and remedy come from the template, whose Run
// and Report are not used.
//
// The name of the template may refer to the item, as in "Query {item.name}",
// and the id of a check is that of the template followed by "_item_" and the
// index of the item. Braces in what an item puts into a name mean nothing.
//
// Without a name in the template each check is named "Check " and the name of
// its item, that is its field or key name, or its text; the id is [ID] of that.
// An item with a method Check() Check gives its own template instead.
func Each[T any](template Check, items []T, run func(ctx context.Context, item T) error) Entry {
	return EachFunc(template, func(context.Context) ([]T, error) { return items, nil }, run)
}

// EachFunc is [Each] for items that are not known beforehand, such as the
// answer to a remote query. List is called in each run: when its turn comes, so
// that a critical check ahead of it can keep it from being called, or at the
// beginning when the run has a filter. When it fails, a single check with the
// name, id and severity of the template fails in the place of the items. The
// timeout of the template bounds it as well, and it is abandoned like a check
// when it does not return.
func EachFunc[T any](template Check, list func(ctx context.Context) ([]T, error), run func(ctx context.Context, item T) error) Entry {
	var late stragglers[struct{}]
	return multicheck(func(ctx context.Context, self any) iter.Seq[record] {
		return func(yield func(record) bool) {
			items, err := listItems(ctx, template, &late, list)
			if err != nil {
				yield(unlisted(template, err))
				return
			}
			for i, item := range items {
				r := itemRecord(template, i, item, self)
				if run != nil {
					r.check.Run = func(ctx context.Context) error { return run(ctx, item) }
				} else {
					r.unready = errors.Join(r.unready, errors.New("the check has nothing to run"))
				}
				if !yield(r) {
					return
				}
			}
		}
	})
}

type multicheck func(ctx context.Context, self any) iter.Seq[record]

func (m multicheck) records(ctx context.Context, self any) iter.Seq[record] { return m(ctx, self) }

// itemRecord makes the check of one item, without what it runs.
func itemRecord(template Check, i int, item, self any) record {
	c, err := template, error(nil)
	if c.Name == "" {
		c, err = describe(template, item)
	} else {
		c.ID = cmp.Or(c.ID, ID(c.Name)) + "_item_" + strconv.Itoa(i)
	}
	c.Report, c.Run = nil, noRun
	r := newRecord(c, c.ID)
	r.unready = errors.Join(r.unready, err)
	if template.Name != "" {
		v := values{"item": item}
		if self != nil {
			v["self"] = self
		}
		r.render(v)
	}
	return r
}

// noRun is in the place of what the caller puts there.
func noRun(context.Context) error { return nil }

func listItems[T any](ctx context.Context, template Check, late *stragglers[struct{}], list func(context.Context) ([]T, error)) ([]T, error) {
	what := func() string { return fmt.Sprintf("listing of the items of %q", template.Name) }
	switch {
	case list == nil:
		return nil, errors.New("there is no function that lists them")
	case late.busy(struct{}{}):
		return nil, &busyError{what()}
	}
	items, err := within(ctx, template.Timeout, what, list)
	late.note(struct{}{}, err)
	return items, err
}

// unlisted stands for items that could not be listed.
func unlisted(template Check, err error) record {
	c := template
	if c.Name == "" {
		c.Name = "Items to check"
	}
	c.Report, c.Run = nil, noRun
	r := newRecord(c, c.ID)
	r.listing = fmt.Errorf("listing what to check: %w", err)
	return r
}

// describe returns the check of an item when the template has no name.
func describe(template Check, item any) (c Check, err error) {
	c = template
	c.ID, c.Name = "", "Check"
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	if own, ok := item.(interface{ Check() Check }); ok {
		return own.Check(), nil
	}
	c.Name = "Check " + itemName(item)
	return c, nil
}

// itemName is the name of an item, or its text.
func itemName(item any) string {
	v := values{"item": item}
	if kind := follow(reflect.ValueOf(item)); kind.IsValid() && (kind.Kind() == reflect.Struct || kind.Kind() == reflect.Map) {
		if name, err := v.resolve("item.name"); err == nil && name != "" {
			return name
		}
	}
	text, err := v.resolve("item")
	if err != nil {
		return "nothing"
	}
	return text
}
