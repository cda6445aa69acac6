package store

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// FuzzCommands sends arbitrary bytes to a server as one client, and the words
// of a script as commands as another: the server lives, and its structures
// agree with one another afterwards.
func FuzzCommands(f *testing.F) {
	f.Add("*1\r\n$4\r\nPING\r\n", "SET a 1\nINCR a\nAPPEND a x\nEXPIRE a 100\nGETDEL a")
	f.Add("PING\r\n\r\nSET a \"b c\"\r\n", "MULTI\nSET a 1\nGET a\nEXEC\nWATCH a\nUNWATCH")
	f.Add("*-1\r\n*0\r\n$", "SETRANGE k 5000 x\nSETBIT k 7 1\nCOPY k l\nRENAME l m\nPEXPIRE m 1")
	f.Add("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nab", "SUBSCRIBE a\nPSUBSCRIBE *\nPUBLISH a x\nUNSUBSCRIBE\nRESET")
	f.Add("\x00\xff", "SET k v PX 5\nGETEX k PERSIST\nOBJECT ENCODING k\nBITFIELD k SET u8 0 255\nFLUSHALL")
	f.Add("BLPOP q 0\r\nRPUSH q a\r\n", "RPUSH q a b\nBLMOVE q q LEFT RIGHT 0\nBLMPOP 0 1 q LEFT\nBRPOP q 0\nBLPOP q p 0.001\nBRPOPLPUSH p q 0\nPING")
	f.Add("*2\r\n", "XADD s 1-* a 1 b 2\nXADD s * b 1\nXDEL s 1-0\nXTRIM s MINID ~ 2\nXRANGE s - + COUNT 1\nXREAD STREAMS s 0\nXSETID s 9-9\nXADD s MAXLEN 1 9-* a 1")
	f.Add("*0\r\n", "XGROUP CREATE s g 0 MKSTREAM\nXADD s 1-1 a 1\nXADD s 2-1 b 2\nXREADGROUP GROUP g c COUNT 1 STREAMS s >\nXCLAIM s g d 0 2-1 1 FORCE\n"+
		"XDEL s 1-1\nXAUTOCLAIM s g e 0 - COUNT 3\nXACK s g 2-1\nXGROUP SETID s g 0\nXREADGROUP GROUP g c BLOCK 0 STREAMS s >\nXINFO STREAM s FULL\n"+
		"COPY s t\nXPENDING t g - + 9 d\nXGROUP DELCONSUMER s g c\nXGROUP DESTROY t g")
	f.Add("*1\r\n", "HSET h a 1 b 2\nHINCRBY h a 5\nHPEXPIRE h 100 FIELDS 1 a\nHSCAN h 0\nHRANDFIELD h -3 WITHVALUES\nCOPY h i\nHDEL h a b")
	f.Fuzz(func(t *testing.T, raw, script string) {
		if len(raw) > 1<<16 || len(script) > 1<<12 {
			return
		}
		kv := newChecked(t)
		feed(kv, []byte(raw))
		var commands []byte
		for line := range strings.Lines(script) {
			args := strings.Fields(line)
			if len(args) == 0 || forbidden(args) {
				continue
			}
			commands = resp.AppendCommand(commands, args...)
		}
		feed(kv, commands)
		if err := kv.check(); err != nil {
			t.Fatal(err)
		}
	})
}

// forbidden are commands that end or stop the process, write files, or that would make a
// fuzzing run wait or eat memory as they are meant to.
func forbidden(args []string) bool {
	switch strings.ToLower(args[0]) {
	case "debug", "shutdown", "client", "config", "save", "bgsave":
		return true
	case "setrange", "setbit", "bitfield", "bitop":
		for _, a := range args {
			if len(a) > 6 { // a string of megabytes
				return true
			}
		}
	}
	return false
}

// feed serves bytes as one client's input, and reads all it is answered.
func feed(kv *KVStore, input []byte) {
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		kv.HandleConnection(Connection{Conn: server}, resp.NewParser(server))
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(io.Discard, client)
	}()
	client.Write(input)
	client.Write(resp.AppendCommand(nil, "QUIT"))
	client.Close()
	<-done
	<-read
}
