package listpack

// Init writes an empty listpack.
func Init(b []byte) []byte { return b[:7] }
