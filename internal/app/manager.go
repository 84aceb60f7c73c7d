package app

import (
	"net"
	"os"
)

// managerVariable names the socket of a service manager that wants to be told how the program is, as sd_notify(3) has it.
const managerVariable = "NOTIFY_SOCKET"

// tellManager tells the service manager, where one asked for it: systemd says that a service has started when the program says so, and not
// as soon as there is a process.
func (a *App) tellManager(state string) {
	socket := os.Getenv(managerVariable)
	if socket == "" {
		return
	}
	conn, err := net.Dial("unixgram", socket) //nolint:noctx,gosec // it sends or fails at once, and where to is the service manager's word
	if err == nil {
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		a.log.Warn("cannot tell the service manager", "state", state, "socket", socket, "cause", err)
	}
}
