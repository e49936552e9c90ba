// pause is what holds a pod's namespaces open in the node image: it does nothing until it is told to end.
//
// It is process 1 wherever a pod shares its process namespace, and there it has to collect the processes that
// others orphaned, or they stay as zombies until the pod ends.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		collectZombies()
	}
}

// collectZombies waits for all ended children: several may end for one signal.
func collectZombies() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if pid <= 0 || (err != nil && err != syscall.EINTR) {
			return
		}
	}
}
