// Count words in one process for all calls: node's HTTP server on the socket that is stdin and stdout.
"use strict";
const http = require("http");
const net = require("net");

let calls = 0;

const server = http.createServer((request, response) => {
    const pieces = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
        calls += 1;
        const words = Buffer.concat(pieces).toString().split(/\s+/).filter(Boolean).length;
        console.error(`call ${request.headers["fn-call-id"]}: ${words} words`);
        const content = JSON.stringify({ words, calls });
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(content) });
        response.end(content);
    });
});
server.keepAliveTimeout = 0; // the agent ends an idle process
server.emit("connection", new net.Socket({ fd: 0, readable: true, writable: true }));
