package store

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Checks of the system that the server runs on, for --check-system: what Redis looks
// at and concerns this server too, and what concerns a Go program. Linux has what
// they look at in files; where one is missing its check is skipped. Nothing here
// forks, so the system need not promise memory twice.

// A checkResult is what came of a check.
type checkResult int

const (
	checkSkipped checkResult = iota // it cannot be told
	checkFine
	checkWarns
)

// A systemCheck looks at one thing, and says what to do if it is wrong.
type systemCheck struct {
	name string
	run  func() (result checkResult, advice string)
}

var systemChecks = []systemCheck{
	{"slow-clocksource", checkClock},
	{"xen-clocksource", checkXenClock},
	{"overcommit", checkOvercommit},
	{"THP", checkHugePages},
	{"open-files", checkOpenFiles},
	{"tcp-backlog", checkBacklog},
	{"signal-corruption-bug", checkKernel},
}

const clockFolder = "/sys/devices/system/clocksource/clocksource0/"

// systemLine is the first line of a file of the system, "" when there is none.
func systemLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// systemNumber is the number in such a file.
func systemNumber(path string) (n int64, ok bool) {
	n, err := strconv.ParseInt(systemLine(path), 10, 64)
	return n, err == nil
}

// checkClock reads the clock for a while, as the server does between any two
// commands. Where that takes system calls, a good part of the time is the system's.
func checkClock() (checkResult, string) {
	const (
		while     = 50 * time.Millisecond // several times what the accounting of time may be off
		shareMost = 10                    // a tenth
	)
	user, system, ok := processorTime()
	if !ok {
		return checkSkipped, ""
	}
	for began := time.Now(); time.Since(began) < while; {
	}
	userAfter, systemAfter, ok := processorTime()
	if !ok {
		return checkSkipped, ""
	}
	user, system = userAfter-user, systemAfter-system
	if system*shareMost <= user+system {
		return checkFine, ""
	}
	return checkWarns, fmt.Sprintf("Reading the clock is slow on this machine, and the server does so with every command. "+
		"Its clock source is %s; there are: %s. If tsc is among them, take it, as root: echo tsc > "+clockFolder+"current_clocksource. "+
		"The kernel's parameter clocksource=tsc makes that last.",
		systemLine(clockFolder+"current_clocksource"), systemLine(clockFolder+"available_clocksource"))
}

// checkXenClock knows a clock that is slow by its name.
func checkXenClock() (checkResult, string) {
	switch systemLine(clockFolder + "current_clocksource") {
	case "":
		return checkSkipped, ""
	case "xen":
		return checkWarns, "The clock source is xen, which is slow on most machines. Run valkeyper --check-system: slow-clocksource says whether it is here."
	}
	return checkFine, ""
}

// checkOvercommit knows a system that grants no more than a fixed sum of memory.
func checkOvercommit() (checkResult, string) {
	const strict = 2
	mode, ok := systemNumber("/proc/sys/vm/overcommit_memory")
	switch {
	case !ok:
		return checkSkipped, ""
	case mode == strict:
		return checkWarns, "The system grants memory up to a fixed sum (vm.overcommit_memory is 2), and counts what is reserved, used or not. " +
			"So the server may be refused memory while some is free. To change that: sysctl vm.overcommit_memory=0, and the same line in /etc/sysctl.conf."
	}
	return checkFine, ""
}

const adviceHugePages = "The kernel gives huge pages to every program, and this one cannot turn them off for itself. It may take more memory, " +
	"and stand still while they are made. To change that, as root: echo madvise > " + hugePagesFile + ", also when the system starts."

const hugePagesFile = "/sys/kernel/mm/transparent_hugepage/enabled"

// hugePagesForAll reports whether the kernel gives huge pages to who has not asked.
func hugePagesForAll() bool { return strings.Contains(systemLine(hugePagesFile), "[always]") }

// checkHugePages is content when there are none, or when they can be refused.
func checkHugePages() (checkResult, string) {
	switch {
	case systemLine(hugePagesFile) == "":
		return checkSkipped, ""
	case hugePagesForAll() && refuseHugePages() != nil:
		return checkWarns, adviceHugePages
	}
	return checkFine, ""
}

// checkOpenFiles holds the limit of open files against the default of maxclients.
func checkOpenFiles() (checkResult, string) {
	const wanted = 10000 + reservedFiles
	limit, ok := openFilesMax()
	switch {
	case !ok:
		return checkSkipped, ""
	case limit < wanted:
		return checkWarns, fmt.Sprintf("The server may have %d files open, each client being one, so it serves fewer than the 10000 of maxclients. "+
			"To change that: ulimit -n %d, LimitNOFILE= in a unit of systemd, or /etc/security/limits.conf.", limit, wanted)
	}
	return checkFine, ""
}

// checkBacklog looks at how many connections may wait to be accepted. The Go runtime
// asks for as many as there may be.
func checkBacklog() (checkResult, string) {
	const wanted = 511 // of tcp-backlog
	most, ok := systemNumber("/proc/sys/net/core/somaxconn")
	switch {
	case !ok:
		return checkSkipped, ""
	case most < wanted:
		return checkWarns, fmt.Sprintf("Only %d connections may wait to be accepted. When many clients connect at once, some have to try again. "+
			"To change that: sysctl net.core.somaxconn=%d, and the same line in /etc/sysctl.conf.", most, wanted)
	}
	return checkFine, ""
}

// checkKernel knows the kernels that may damage registers when a program gets a
// signal, which the Go runtime sends to itself all the time: golang.org/issue/35777.
func checkKernel() (checkResult, string) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "386" {
		return checkFine, ""
	}
	release := systemLine("/proc/sys/kernel/osrelease")
	if release == "" {
		return checkSkipped, ""
	}
	if damagesRegisters(release) {
		return checkWarns, "Linux " + release + " may have an error that damages the memory of programs when they get signals, and Go programs get many. " +
			"It was repaired in 5.3.15, 5.4.2 and 5.5, and distributions have repaired older versions. Make sure that yours has, or install a later one."
	}
	return checkFine, ""
}

// damagesRegisters reports whether a release of Linux is one of those.
func damagesRegisters(release string) bool {
	var major, minor, patch int
	if n, _ := fmt.Sscanf(release, "%d.%d.%d", &major, &minor, &patch); n < 2 || major != 5 {
		return false
	}
	switch minor {
	case 2:
		return true
	case 3:
		return patch < 15
	case 4:
		return patch < 2
	}
	return false
}
