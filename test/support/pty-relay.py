"""Runs a command on a terminal of its own and relays it.

usage: pty-relay.py ROWS COLUMNS COMMAND [ARGUMENT...]

stdin: one JSON object a line, {"write": "text"} or {"resize": [rows, columns]}; its end closes nothing.
stdout: what the command shows. fd 3: one line of JSON at the end, with the wait status and whether the terminal's modes are as before.
"""
import errno
import fcntl
import json
import os
import select
import signal
import struct
import sys
import termios


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def main():
    rows, columns, *command = sys.argv[1:]
    master, slave = os.openpty()
    set_size(master, int(rows), int(columns))
    before = termios.tcgetattr(slave)
    child = os.fork()
    if child == 0:
        os.login_tty(slave) if hasattr(os, "login_tty") else take_terminal(slave)
        os.close(master)
        os.closerange(3, 256)
        os.execvp(command[0], command)
    pending = b""
    watched = [0, master]
    while True:
        readable, _, _ = select.select(watched, [], [], 0.05)
        if 0 in readable:
            data = os.read(0, 65536)
            if not data:
                watched.remove(0)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                order = json.loads(line)
                if "resize" in order:
                    set_size(master, *order["resize"])
                else:
                    write_all(master, order["write"].encode())
        if master in readable:
            relay(master)
        # The slave is kept open here for its modes, so the end is told by the child and not by the terminal.
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            while select.select([master], [], [], 0)[0]:
                relay(master)
            report(status, termios.tcgetattr(slave) == before)
            return


def take_terminal(slave):
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)


def relay(master):
    try:
        write_all(1, os.read(master, 65536))
    except OSError as error:
        if error.errno != errno.EIO:
            raise


def report(status, restored):
    code = os.waitstatus_to_exitcode(status)
    write_all(3, json.dumps({"status": code, "restored": restored}).encode() + b"\n")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
