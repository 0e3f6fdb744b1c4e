"""A mail server that takes everything, to be some other organisation's.

    sink.py PORT FILE      appends the subject of each message to the file, one a line, before it says 250
"""
import os
import socketserver
import sys


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.say("220 sink.example")
        for line in self.rfile:
            verb = line.split(b":")[0].split()[0].upper() if line.strip() else b""
            if verb == b"DATA":
                self.say("354 go on")
                self.take()
            elif verb == b"QUIT":
                return self.say("221 bye")
            else:
                self.say("250 sink.example")

    def take(self):
        subject = b"(none)"
        for line in self.rfile:
            if line == b".\r\n":
                break
            if line.lower().startswith(b"subject:"):
                subject = line.split(b":", 1)[1].strip()
        else:
            return
        with open(sys.argv[2], "ab") as file:
            file.write(subject + b"\n")
            os.fsync(file.fileno())
        self.say("250 taken")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Session).serve_forever()
