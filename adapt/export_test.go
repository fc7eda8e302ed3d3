package adapt

import "clipcalib/internal/train"

// ForgetMethods returns a function that makes methods registered since unknown
// again, for tests whose neighbours list all names.
func ForgetMethods() func() {
	was := methods
	methods = train.NewRegistry("method", was.All()...)
	return func() { methods = was }
}
