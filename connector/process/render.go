package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/servokit/servokit/types"
)

// valuePlaceholder stands for the value in a flag.
const valuePlaceholder = "{{value}}"

// values holds the value of each setting by name.
type values = map[string]types.Value

// arguments returns the arguments of the command with the flags of the settings.
func (c *Config) arguments(v values) []string {
	args := slices.Clone(c.Command)
	for _, s := range c.Settings {
		switch {
		case s.Flag == "":
		case strings.Contains(s.Flag, valuePlaceholder):
			args = append(args, strings.ReplaceAll(s.Flag, valuePlaceholder, v[s.Name].String()))
		default:
			args = append(args, s.Flag, v[s.Name].String())
		}
	}
	return args
}

// environment returns the environment of the command; of duplicates the last
// one counts.
func (c *Config) environment(v values) []string {
	env := []string{}
	if c.InheritEnv == nil || *c.InheritEnv {
		env = os.Environ()
	}
	for name, value := range c.Env {
		env = append(env, name+"="+value.Reveal())
	}
	for _, s := range c.Settings {
		if s.Env != "" {
			env = append(env, s.Env+"="+v[s.Name].String())
		}
	}
	return env
}

// filePath returns the path of the rendered file.
func (c *Config) filePath() string {
	if filepath.IsAbs(c.File.Path) {
		return c.File.Path
	}
	return filepath.Join(c.Dir, c.File.Path)
}

// number keeps a float comparable in templates and printed as settings are.
type number float64

func (n number) String() string { return types.Float(float64(n)).String() }

func native(v types.Value) any {
	switch v.Kind() {
	case types.IntKind:
		i, _ := v.Int64()
		return i
	case types.FloatKind:
		f, _ := v.Float64()
		return number(f)
	default:
		return v.String()
	}
}

// execute renders the template of the file.
func execute(tmpl *template.Template, v values) ([]byte, error) {
	data := make(map[string]any, len(v))
	for name, value := range v {
		data[name] = native(value)
	}
	clone, err := tmpl.Clone()
	if err != nil {
		return nil, err
	}
	clone.Funcs(template.FuncMap{"setting": func(name string) (any, error) {
		if value, ok := data[name]; ok {
			return value, nil
		}
		return nil, fmt.Errorf("there is no setting %q", name)
	}})
	var b bytes.Buffer
	if err := clone.Execute(&b, data); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// mentions lists the settings a template reads, in any of its branches.
func mentions(tmpl *template.Template) []string {
	var names []string
	for _, t := range tmpl.Templates() {
		if t.Tree != nil {
			collect(t.Root, &names)
		}
	}
	return names
}

func collect(node parse.Node, names *[]string) {
	branch := func(n *parse.BranchNode) {
		collect(n.Pipe, names)
		collect(n.List, names)
		if n.ElseList != nil {
			collect(n.ElseList, names)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			collect(child, names)
		}
	case *parse.ActionNode:
		collect(n.Pipe, names)
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			collect(n.Pipe, names)
		}
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			collect(command, names)
		}
	case *parse.CommandNode:
		for i, arg := range n.Args {
			if name, ok := arg.(*parse.IdentifierNode); ok && name.Ident == "setting" && i+1 < len(n.Args) {
				if text, ok := n.Args[i+1].(*parse.StringNode); ok {
					*names = append(*names, text.Text)
				}
			}
			collect(arg, names)
		}
	case *parse.FieldNode:
		*names = append(*names, n.Ident[0])
	}
}
