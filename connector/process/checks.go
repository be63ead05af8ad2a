package process

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/servokit/servokit/checks"
	"github.com/servokit/servokit/internal/subprocess"
)

// checks verify what can be known before the command runs.
func (p *process) checks() []checks.Entry {
	list := []checks.Entry{checks.Check{
		Name:        "Command of " + p.name,
		Description: "the program and its directory exist",
		Severity:    checks.Critical,
		Run:         p.checkCommand,
	}, checks.Check{
		Name:        "Watchdog of " + p.name,
		Description: "there is a shell that can clean up after a servo that is killed",
		Severity:    checks.Warning,
		Run:         checkShell,
	}}
	if p.file != nil {
		list = append(list, checks.Check{
			Name:        "File of " + p.name,
			Description: "the file can be written",
			Severity:    checks.Critical,
			Run:         p.checkFile,
		})
	}
	if p.config.Ready.HTTP != "" || p.config.Ready.TCP != "" {
		list = append(list, checks.Check{
			Name:        "Probe of " + p.name,
			Description: "the host of the probe has an address",
			Severity:    checks.Common,
			Run:         p.checkProbe,
		})
	}
	return list
}

func (p *process) checkCommand(context.Context) error {
	if dir := p.config.Dir; dir != "" {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no directory", dir)
		}
		if err != nil {
			return &checks.Error{Message: "expected the working directory of the command, found", Hint: "Create it or correct dir.", Err: err}
		}
	}
	program := subprocess.InDir(p.config.Command[0], p.config.Dir)
	if _, err := exec.LookPath(program); err != nil {
		return &checks.Error{Message: "expected a command that can be run, found", Hint: "Install it, make it executable (chmod +x) or correct command.", Err: err}
	}
	return nil
}

func checkShell(context.Context) error {
	if _, err := exec.LookPath(shell); err != nil {
		return &checks.Error{
			Message: "expected a shell that ends processes a killed servo leaves behind, found",
			Hint:    "Provide " + shell + ".", Err: err,
		}
	}
	return nil
}

func (p *process) checkFile(context.Context) error {
	const hint = "Create its directory and allow the servo to write there, or correct file.path."
	target := p.file.path
	if resolved, err := filepath.EvalSymlinks(target); err == nil {
		target = resolved
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return &checks.Error{Message: fmt.Sprintf("expected %s to be a file, found something that is no regular file", target), Hint: "Correct file.path."}
	}
	temp, err := os.CreateTemp(filepath.Dir(target), ".servokit-check-*")
	if err != nil {
		return &checks.Error{Message: "expected that a file can be written next to " + target + ", found", Hint: hint, Err: err}
	}
	_ = temp.Close()
	if err := os.Remove(temp.Name()); err != nil {
		return &checks.Error{Message: "expected that a file can be removed again, found", Hint: hint, Err: err}
	}
	return nil
}

func (p *process) checkProbe(ctx context.Context) error {
	host, _, _ := net.SplitHostPort(p.config.Ready.TCP)
	if p.config.Ready.HTTP != "" {
		u, err := url.Parse(p.config.Ready.HTTP)
		if err != nil {
			return &checks.Error{Message: "expected a URL to probe, found", Hint: "Correct ready.http.", Err: err}
		}
		host = u.Hostname()
	}
	if host == "" {
		return nil // this machine
	}
	if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
		return &checks.Error{Message: "expected an address of the host to probe, found", Hint: "Correct the address under ready.", Err: err}
	}
	return nil
}
