// runc-within-limits runs runc after taking out of a container's specification what this host can't grant.
//
// A privileged container is specified with every capability, and a node with a protected (negative) OOM score and
// large limits. On a host whose root lacks CAP_SYS_RESOURCE, as in some sandboxes and virtual machines, runc
// refuses such a container as a whole. A kind node works without any of the three, so they are taken out, and the
// engine uses this program in runc's place.
//
// The real runc is the one in the folder where this program is.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintf(os.Stderr, "runc-within-limits: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch subcommand, options := parse(args[1:]); subcommand {
	case "create", "run":
		if err := editFile(filepath.Join(options["bundle"], "config.json"), processOfContainer); err != nil {
			return err
		}
	case "exec":
		if file := options["process"]; file != "" {
			if err := editFile(file, processItself); err != nil {
				return err
			}
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(filepath.Join(filepath.Dir(self), "runc"), args, os.Environ())
}

// parse finds runc's subcommand and the two options that name a file to edit.
func parse(args []string) (subcommand string, options map[string]string) {
	options = map[string]string{"bundle": "."}
	long := map[string]string{"--bundle": "bundle", "-b": "bundle", "--process": "process", "-p": "process"}
	for i, arg := range args {
		if slices.Contains([]string{"create", "run", "exec"}, arg) && subcommand == "" {
			subcommand = arg
		}
		if name, known := long[arg]; known && i+1 < len(args) {
			options[name] = args[i+1]
		}
	}
	return subcommand, options
}

type object = map[string]any

// processOfContainer is where a whole container's specification has its process.
func processOfContainer(specification object) object {
	process, _ := specification["process"].(object)
	return process
}

// processItself is for `runc exec`, whose file holds a process and nothing around it.
func processItself(specification object) object { return specification }

// editFile takes what this host can't grant out of one specification, and leaves all else as it was.
func editFile(path string, processIn func(object) object) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var specification object
	if err := json.Unmarshal(content, &specification); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if process := processIn(specification); process != nil {
		dropCapability(process, "CAP_SYS_RESOURCE")
		if score, _ := process["oomScoreAdj"].(float64); score < 0 {
			process["oomScoreAdj"] = 0
		}
		dropLimitsAboveOurs(process)
	}
	if content, err = json.Marshal(specification); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

func dropCapability(process object, name string) {
	sets, _ := process["capabilities"].(object)
	for set, names := range sets {
		if list, ok := names.([]any); ok {
			sets[set] = slices.DeleteFunc(list, func(each any) bool { return each == name })
		}
	}
}

func dropLimitsAboveOurs(process object) {
	if limits, ok := process["rlimits"].([]any); ok {
		process["rlimits"] = slices.DeleteFunc(limits, aboveOurs)
	}
}

// limitNumbers are Linux' own numbers; the syscall package names only some of them.
var limitNumbers = map[string]int{
	"RLIMIT_CPU": 0, "RLIMIT_FSIZE": 1, "RLIMIT_DATA": 2, "RLIMIT_STACK": 3, "RLIMIT_CORE": 4, "RLIMIT_RSS": 5,
	"RLIMIT_NPROC": 6, "RLIMIT_NOFILE": 7, "RLIMIT_MEMLOCK": 8, "RLIMIT_AS": 9, "RLIMIT_LOCKS": 10,
	"RLIMIT_SIGPENDING": 11, "RLIMIT_MSGQUEUE": 12, "RLIMIT_NICE": 13, "RLIMIT_RTPRIO": 14, "RLIMIT_RTTIME": 15,
}

// aboveOurs is whether a limit can't be set here: raising a hard limit takes CAP_SYS_RESOURCE.
func aboveOurs(limit any) bool {
	fields, _ := limit.(object)
	name, _ := fields["type"].(string)
	wanted, _ := fields["hard"].(float64)
	number, known := limitNumbers[name]
	var ours syscall.Rlimit
	return !known || syscall.Getrlimit(number, &ours) != nil || wanted > float64(ours.Max)
}
