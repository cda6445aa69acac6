package store

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/codecrafters-io/redis-starter-go/app/config"
)

// Starting up: the command line, the configuration file, and the log lines
// that tools wait for.

// RedisVersion is the version of Redis whose behaviour this server has. It is
// what INFO and HELLO say, since clients switch on it.
const RedisVersion = "7.0.15"

// Version is this server's own version.
const Version = "0.1.0"

const usage = `Usage: valkeyper [/path/to/redis.conf] [options] [-]
       valkeyper - (read the configuration from standard input)
       valkeyper -v or --version
       valkeyper -h or --help
       valkeyper --check-system (looks for what on this machine would trouble the server)

Any directive of redis.conf is an option, with two dashes before its name. Besides:
       --restore-until <unix seconds>: start from the append-only file as it was then

Examples:
       valkeyper (default configuration)
       valkeyper /etc/redis/6379.conf
       valkeyper --port 7777
       valkeyper --port 7777 --replicaof "127.0.0.1 8888"
       valkeyper /etc/redis.conf --loglevel verbose -
`

// ParseCommandLine reads os.Args: an optional configuration file, "-" for one
// on standard input, then --directive value … . When something is wrong it
// prints the reason to stderr and exits with status 1, as redis-server does. The
// data starts to be loaded; until it is, commands are answered -LOADING. If it
// cannot be, the log says why and the program exits with status 1.
func (kv *KVStore) ParseCommandLine() {
	args := os.Args[1:]
	if len(args) > 0 {
		switch args[0] {
		case "-v", "--version":
			io.WriteString(os.Stdout, versionLine())
			os.Exit(0)
		case "-h", "--help":
			io.WriteString(os.Stdout, usage)
			os.Exit(0)
		case "--check-system":
			if !systemReport(os.Stdout) {
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	if err := kv.startWith(args); err != nil {
		if file, ok := errors.AsType[*config.FileError](err); ok {
			io.WriteString(os.Stderr, file.Error())
		} else {
			kv.log(logWarning, "%v", err) // where redis-server says so
		}
		os.Exit(1)
	}
}

// startWith is the part of ParseCommandLine that the mutex is held for.
func (kv *KVStore) startWith(args []string) error {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	kv.takeHandover()
	configuration, err := kv.loadArgs(args)
	if err != nil {
		return err
	}
	kv.standalone = true
	if !kv.daemon {
		kv.supervise() // the launcher has found that nobody does
	}
	kv.toBackground(configuration)
	kv.logBanner(len(args) > 0)
	if err := kv.applyStartup(); err != nil {
		return err
	}
	kv.reportSignals()
	kv.writePidFile()
	kv.tendProcess()
	kv.loadAtStart()
	return nil
}

// Configure sets the store up as a command line of these arguments would, and
// loads the data. It is to be called before the store is used.
func (kv *KVStore) Configure(args []string) error {
	if err := kv.configure(args); err != nil {
		return err
	}
	kv.awaitLoaded(math.MaxInt64)
	kv.mu.Lock()
	defer kv.mu.Unlock()
	return kv.loadError
}

// configure is the part of Configure that the mutex is held for.
func (kv *KVStore) configure(args []string) error {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if _, err := kv.loadArgs(args); err != nil {
		return err
	}
	if err := kv.applyStartup(); err != nil {
		return err
	}
	kv.loadAtStart()
	return nil
}

// loadArgs reads the configuration, and returns what it has read from elsewhere than
// the arguments. The log goes where it says from then on.
func (kv *KVStore) loadArgs(args []string) (configuration string, err error) {
	kv.config.SetHooks(kv.configHooks())
	if args, err = kv.takeRestorePoint(args); err != nil {
		return "", err
	}
	if kv.daemon {
		var handed []byte
		handed, err = io.ReadAll(os.Stdin)
		configuration = string(handed)
	} else {
		configuration, err = kv.config.ReadArgs(args, os.Stdin)
	}
	if err == nil {
		err = kv.config.LoadText(args, configuration)
	}
	if name := kv.config.Str("logfile"); name != "" {
		kv.logger.setFile(kv.config.Path(name))
	}
	if err == nil {
		kv.logLevel.Store(logLevels[kv.config.Str("loglevel")])
		kv.openSyslog()
	}
	return configuration, err
}

// configHooks answers what the configuration asks of the server.
func (kv *KVStore) configHooks() config.Hooks {
	return config.Hooks{
		HasCommand: func(name string) bool { return kv.commands.find(name) != nil },
		CheckUser:  kv.checkUserLine,
		Users:      kv.userLines,
		Warn:       kv.warnOfConfig,
	}
}

// warnOfConfig logs what the configuration has to say of what it reads. A daemon's
// launcher has said it already.
func (kv *KVStore) warnOfConfig(text string) {
	if starting := !kv.standalone; !kv.daemon || !starting {
		kv.log(logWarning, "%s", text)
	}
}

// checkSupported refuses what was asked for explicitly and cannot be had.
func (kv *KVStore) checkSupported() error {
	cfg := kv.config
	switch modules := cfg.LoadModules(); {
	case cfg.Sentinel():
		return errors.New("This server cannot run as a Sentinel. Exiting...")
	case len(modules) > 0:
		return fmt.Errorf("Can't load module from %s: server aborting", modules[0][0])
	case len(cfg.ModuleConfigs()) > 0:
		return errors.New("Module Configuration detected without loadmodule directive or no ApplyConfig call: aborting")
	}
	if cfg.Bool("cluster-enabled") {
		kv.log(logWarning, "cluster-enabled was asked for, but this server cannot be part of a cluster. It runs alone.")
	}
	return nil
}

// applyStartup puts into effect what only the start can set, and the rest.
func (kv *KVStore) applyStartup() error {
	cfg := kv.config
	if err := kv.checkSupported(); err != nil {
		return err
	}
	if err := kv.restorable(); err != nil {
		return err
	}
	kv.Info.Port = strconv.FormatInt(cfg.Int("port"), 10)
	if master := strings.Fields(cfg.Str("replicaof")); len(master) == 2 {
		kv.Info.Role, kv.Info.MasterIP, kv.Info.MasterPort = "slave", master[0], master[1]
	}
	kv.makeDatabases(int(cfg.Int("databases")))
	if err := kv.commands.rename(cfg.Renames()); err != nil {
		return err
	}
	if err := kv.loadUsers(); err != nil {
		return err
	}
	if !kv.configureTLS() {
		return errors.New("Failed to configure TLS. Check logs for more info.")
	}
	if err := kv.fitMaxClients(); err != nil {
		return err
	}
	kv.applySettings()
	kv.configured = true
	return nil
}

// versionLine is what --version prints.
func versionLine() string {
	return fmt.Sprintf("Redis server v=%s sha=00000000:0 malloc=arena bits=%d build=%s (ValKeyper %s)\n",
		RedisVersion, strconv.IntSize, buildID(), Version)
}

// logBanner logs the start as redis-server does.
func (kv *KVStore) logBanner(configured bool) {
	kv.log(logWarning, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo")
	kv.log(logWarning, "Redis version=%s, bits=%d, commit=00000000, modified=0, pid=%d, just started (ValKeyper %s, %s)",
		RedisVersion, strconv.IntSize, os.Getpid(), Version, runtime.Version())
	if configured {
		kv.log(logWarning, "Configuration loaded")
	} else {
		kv.log(logWarning, "Warning: no config file specified, using the default config. "+
			"In order to specify a config file use valkeyper /path/to/redis.conf")
	}
}

// reservedFiles is how many descriptors are kept for everything but clients.
const reservedFiles = 32

// fitMaxClients raises the limit of open files for maxclients, and lowers
// maxclients to what the system gives.
func (kv *KVStore) fitMaxClients() error {
	wanted := kv.config.Int("maxclients") + reservedFiles
	before, got, refusal := raiseFileLimit(wanted)
	switch {
	case refusal == nil && got > before:
		kv.log(logNotice, "Increased maximum number of open files to %d (it was originally set to %d).", got, before)
	case refusal != nil && got <= reservedFiles:
		return fmt.Errorf("Your current 'ulimit -n' of %d is not enough for the server to start. "+
			"Please increase your open file limit to at least %d. Exiting.", before, wanted)
	case refusal != nil:
		fit := got - reservedFiles
		kv.log(logWarning, "You requested maxclients of %d requiring at least %d max file descriptors.", wanted-reservedFiles, wanted)
		kv.log(logWarning, "Server can't set maximum open files to %d because of OS error: %s.", wanted, systemText(refusal))
		kv.log(logWarning, "Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. "+
			"If you need higher maxclients increase 'ulimit -n'.", got, fit)
		return kv.config.Assign("maxclients", formatInt(fit))
	}
	return nil
}

// systemText is a system error with the capital that C gives it.
func systemText(err error) string {
	text := err.Error()
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		text = errno.Error()
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// writePidFile writes the pidfile that the configuration names. A daemon has one in
// any case.
func (kv *KVStore) writePidFile() {
	name := kv.config.Str("pidfile")
	if name == "" && kv.daemon {
		name = defaultPidFile
		kv.config.Assign("pidfile", name) // to be shown
	}
	if name == "" {
		return
	}
	kv.pidFile = kv.config.Path(name)
	if err := os.WriteFile(kv.pidFile, []byte(formatInt(int64(os.Getpid()))+"\n"), 0o644); err != nil {
		kv.pidFile = ""
		kv.log(logNotice, "Failed to write PID file: %v", err)
	}
}

// rename applies rename-command: a command goes by another name, or by none.
func (t *commandTable) rename(renames []config.Rename) error {
	for _, r := range renames {
		cmd := t.find(r.From)
		if cmd == nil {
			return fmt.Errorf("No such command in rename-command: %s", r.From)
		}
		delete(t.byName, strings.ToLower(r.From))
		if r.To == "" {
			t.sorted = slices.DeleteFunc(t.sorted, func(c *command) bool { return c == cmd })
			continue
		}
		to := strings.ToLower(r.To)
		if t.byName[to] != nil {
			return errors.New("Target command name already exists")
		}
		t.byName[to] = cmd
	}
	t.index()
	return nil
}
