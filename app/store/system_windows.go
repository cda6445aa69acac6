package store

// cpuUsage is the processor time used so far, printed in seconds.
type cpuUsage struct{ sys, user, sysChildren, userChildren string }

// cpuTimes knows nothing here.
func cpuTimes() cpuUsage { return cpuUsage{"0.000000", "0.000000", "0.000000", "0.000000"} }

// raiseFileLimit has nothing to raise here.
func raiseFileLimit(wanted int64) (before, got int64, refusal error) { return wanted, wanted, nil }
