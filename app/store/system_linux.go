package store

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

const multiplexing = "epoll"

// systemName is the system as uname names it.
func systemName() string {
	var u syscall.Utsname
	if syscall.Uname(&u) != nil {
		return "Linux"
	}
	return cChars(u.Sysname[:]) + " " + cChars(u.Release[:]) + " " + cChars(u.Machine[:])
}

// cChars is a C string of either kind of char.
func cChars[T int8 | uint8](chars []T) string {
	var b strings.Builder
	for _, ch := range chars {
		if ch == 0 {
			break
		}
		b.WriteByte(byte(ch))
	}
	return b.String()
}

// residentMemory is the process's resident memory in bytes, 0 when unknown.
func residentMemory() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// systemMemory is the machine's memory in bytes, 0 when unknown.
func systemMemory() int64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// refuseHugePages has the kernel give no huge pages to this process.
func refuseHugePages() error {
	const prSetTHPDisable = 41
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetTHPDisable, 1, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
