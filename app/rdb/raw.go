package rdb

// FromZipmap reports whether the value at hand was a zipmap, as hashes were
// before Redis 2.6. Redis looks at the length of its elements when it loads one,
// and of no other.
func (r *Reader) FromZipmap() bool { return r.raw == typeHashZipmap }
