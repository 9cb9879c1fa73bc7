// The subject's work, in Go: a goroutine, a panic that is recovered from, and the C part.
package main

// int work_in_c(int argc);
import "C"

func guarded(number C.int) (result C.int) {
	defer func() {
		if recover() != nil {
			result = number
		}
	}()
	var nothing *C.int
	return *nothing
}

//export work
func work(argc C.int) C.int {
	status := make(chan C.int)
	go func() { status <- C.work_in_c(guarded(argc)) }()
	return <-status
}

func main() {
	if work(1) != 0 {
		panic("work failed")
	}
}
