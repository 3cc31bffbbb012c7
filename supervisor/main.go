// Command supervise runs a process that its pod can do without.
//
//	supervise run [-first DURATION] [-longest DURATION] -- PROGRAM ARGUMENT...
//	supervise install FOLDER [-- PROGRAM ARGUMENT...]
//
// run never exits until it gets SIGTERM, SIGINT or SIGQUIT: it restarts the program whenever that ends or cannot be
// started, with exponential back-off. To the kubelet the container is ready all the time.
//
// install copies this program to a folder that is shared with other containers, whose images need nothing for it; it is
// statically linked. Then it becomes the other program.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const name = "supervise" // in the folder that it is installed in

func main() {
	err := errors.New("the first argument must be run or install")
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "run":
			err = run(os.Args[2:])
		case "install":
			err = install(os.Args[2:])
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "supervise: %v\n", err)
		os.Exit(2)
	}
}

func run(arguments []string) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	first := flags.Duration("first", time.Second, "pause before the first restart; doubled by each further one")
	longest := flags.Duration("longest", time.Minute, "longest pause; a process that ran this long starts over")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("run needs a program")
	}
	supervise(flags.Args(), backoff{first: *first, longest: *longest})
	return nil
}

func install(arguments []string) error {
	if len(arguments) == 0 || len(arguments) == 2 || len(arguments) > 1 && arguments[1] != "--" {
		return errors.New("install needs a folder; a program may follow after --")
	}
	if err := copySelf(arguments[0]); err != nil {
		return err
	}
	if len(arguments) == 1 {
		return nil
	}
	program := arguments[2:]
	path, err := exec.LookPath(program[0])
	if err != nil {
		return err
	}
	return syscall.Exec(path, program, os.Environ())
}

// copySelf appears complete or not at all: an init container may be killed and run again.
func copySelf(folder string) error {
	source, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.CreateTemp(folder, "."+name)
	if err != nil {
		return err
	}
	defer os.Remove(target.Name())
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	if err := errors.Join(target.Chmod(0o555), target.Close()); err != nil {
		return err
	}
	return os.Rename(target.Name(), filepath.Join(folder, name))
}
