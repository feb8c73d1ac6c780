/**
 * What clients and backends do when a connection is to become something else.
 *
 * @module
 */
import type { Script, Step } from "./lab.ts";

const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13"];
const get = (path: string, lines: readonly string[] = UPGRADE): string =>
  `GET ${path} HTTP/1.1\r\nHost: app\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
const PLAIN = get("/", []);
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CONNECT = "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n";

const open: readonly Step[] = [{ client: get("/") }, { server: SWITCH }];

const grpc = (path: string, timeout: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: app\r\nContent-Type: application/grpc\r\nGrpc-Timeout: ${timeout}\r\nContent-Length: 0\r\n\r\n`;
const WAIT: Step = { waitMs: 900 };
const SOME = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome";

const TIMES: readonly Script[] = [
  ...["500m", "500000u", "500000001n", "2S", "0m", "99999999H", "x", "5", "123456789m", "-1m", "500 m"].map(
    (timeout): Script => ({
      what: `grpc-timeout: ${timeout}`,
      listener: "times",
      steps: [{ client: grpc("/grpc/unlimited", timeout) }, WAIT, { resets: "client" }],
    }),
  ),
  { what: "grpc-timeout above the route's", listener: "times", steps: [{ client: grpc("/grpc/capped", "5S") }, WAIT] },
  {
    what: "grpc-timeout below the route's",
    listener: "times",
    steps: [{ client: grpc("/grpc/capped", "400m") }, WAIT],
  },
  { what: "grpc-timeout less an offset", listener: "times", steps: [{ client: grpc("/grpc/offset", "900m") }, WAIT] },
  { what: "grpc-timeout below the offset", listener: "times", steps: [{ client: grpc("/grpc/offset", "300m") }, WAIT] },
  {
    what: "grpc-timeout that no route asks for",
    listener: "times",
    steps: [{ client: grpc("/grpc/ignored", "100m") }, WAIT],
  },
  {
    what: "grpc-timeout of a request that is not gRPC",
    listener: "times",
    steps: [{ client: grpc("/grpc/unlimited", "500m").replace("application/grpc", "text/plain") }, WAIT],
  },
  {
    what: "the duration of a stream, before the answer",
    listener: "times",
    steps: [{ client: get("/duration", []) }, WAIT],
  },
  {
    what: "the duration of a stream, before the request is complete",
    listener: "times",
    steps: [{ client: "POST /duration HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\n\r\nab" }, WAIT],
  },
  {
    what: "the duration of a stream, within the answer",
    listener: "times",
    steps: [{ client: get("/duration", []) }, { server: SOME }, WAIT],
  },
  { what: "an attempt that idles", listener: "times", steps: [{ client: get("/try-idle", []) }, WAIT] },
  {
    what: "an attempt that idles within its answer",
    listener: "times",
    steps: [{ client: get("/try-idle", []) }, { server: SOME, waitMs: 300 }, { server: "m", waitMs: 300 }, WAIT],
  },
  {
    what: "an attempt that idles is tried again",
    listener: "times",
    steps: [{ client: get("/try-idle/retried", []) }, WAIT, { server: OK }],
  },
];

/** The slow timeouts are looked after once a second. */
const LONG: Step = { waitMs: 2500 };
const ENDS: readonly Script[] = [
  {
    what: "a CONNECT that nobody answers",
    listener: "forward",
    steps: [{ client: CONNECT }, LONG, { resets: "client" }],
  },
  {
    what: "a timeout beside a duration",
    listener: "times",
    steps: [{ client: get("/both", []) }, WAIT, { resets: "client" }],
  },
  {
    what: "a timeout beside a grpc-timeout",
    listener: "times",
    steps: [{ client: grpc("/grpc/both", "5S") }, WAIT, { resets: "client" }],
  },
  { what: "an upgrade that nobody answers", listener: "websocket", steps: [{ client: get("/idle") }, LONG] },
  {
    what: "a tunnel without a byte",
    listener: "websocket",
    steps: [{ client: get("/idle") }, { server: SWITCH }, { client: "ping" }, LONG],
  },
  { what: "an upgrade that takes too long", listener: "websocket", steps: [{ client: get("/short") }, LONG] },
  {
    what: "a tunnel that takes too long",
    listener: "websocket",
    steps: [{ client: get("/short") }, { server: SWITCH }, { client: "ping" }, LONG],
  },
];

export const SCRIPTS: readonly Script[] = [
  ...ENDS,
  ...TIMES,
  { what: "an upgrade where none is configured", listener: "none", steps: [{ client: get("/") }, { client: PLAIN }] },
  {
    what: "bytes go both ways, the client ends",
    listener: "websocket",
    steps: [
      ...open,
      { client: "ping" },
      { server: "pong" },
      { ends: "client" },
      { server: "late" },
      { ends: "server" },
    ],
  },
  {
    what: "bytes go both ways, the backend ends",
    listener: "websocket",
    steps: [
      ...open,
      { client: "ping" },
      { server: "pong" },
      { ends: "server" },
      { client: "late" },
      { ends: "client" },
    ],
  },
  { what: "the client resets", listener: "websocket", steps: [...open, { client: "ping" }, { resets: "client" }] },
  { what: "the backend resets", listener: "websocket", steps: [...open, { server: "pong" }, { resets: "server" }] },
  {
    what: "bytes behind the request and behind the answer",
    listener: "websocket",
    steps: [{ client: `${get("/")}early` }, { server: `${SWITCH}first` }, { client: "more" }],
  },
  {
    what: "the backend does not switch",
    listener: "websocket",
    steps: [{ client: get("/") }, { server: OK }, { client: PLAIN }, { server: OK }],
  },
  {
    what: "the backend does not switch, a request was pipelined",
    listener: "websocket",
    steps: [{ client: get("/") + PLAIN }, { server: OK }, { server: OK }],
  },
  {
    what: "the backend answers 426 with another protocol",
    listener: "websocket",
    steps: [
      { client: get("/") },
      { server: "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: mine\r\ncontent-length: 0\r\n\r\n" },
      { client: PLAIN },
    ],
  },
  {
    what: "the backend switches to another protocol",
    listener: "websocket",
    steps: [
      { client: get("/") },
      { server: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mine\r\n\r\nxyz" },
      { client: "ping" },
    ],
  },
  {
    what: "the backend switches without saying to what",
    listener: "websocket",
    steps: [{ client: get("/") }, { server: "HTTP/1.1 101 Switching Protocols\r\n\r\nxyz" }, { client: "ping" }],
  },
  {
    what: "the backend switches unasked",
    listener: "websocket",
    steps: [{ client: PLAIN }, { server: SWITCH }],
  },
  {
    what: "the backend says 100 and 103 before it switches",
    listener: "websocket",
    steps: [
      { client: get("/") },
      { server: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" },
      { server: SWITCH },
      { client: "ping" },
    ],
  },
  { what: "a route that forbids it", listener: "websocket", steps: [{ client: get("/off") }] },
  {
    what: "a route that allows more",
    listener: "websocket",
    steps: [
      { client: get("/more", ["Connection: upgrade", "Upgrade: MINE"]) },
      { server: SWITCH.replace("websocket", "mine") },
    ],
  },
  {
    what: "a protocol that nobody allows",
    listener: "websocket",
    steps: [{ client: get("/", ["Connection: upgrade", "Upgrade: mine"]) }],
  },
  {
    what: "several protocols",
    listener: "websocket",
    steps: [{ client: get("/", ["Connection: upgrade", "Upgrade: websocket, mine"]) }],
  },
  {
    what: "several lines of Upgrade",
    listener: "websocket",
    steps: [{ client: get("/", ["Connection: upgrade", "Upgrade: websocket", "Upgrade: mine"]) }],
  },
  {
    what: "case, versions and other options",
    listener: "websocket",
    steps: [{ client: get("/", ["connection: keep-alive, UPGRADE", "UPGRADE: WebSocket"]) }, { server: SWITCH }],
  },
  {
    what: "a version of the protocol",
    listener: "websocket",
    steps: [{ client: get("/", ["connection: upgrade", "upgrade: websocket/13"]) }, { server: SWITCH }],
  },
  {
    what: "Upgrade that Connection does not name",
    listener: "websocket",
    steps: [{ client: get("/", ["Upgrade: websocket"]) }, { server: OK }],
  },
  {
    what: "Connection without Upgrade",
    listener: "websocket",
    steps: [{ client: get("/", ["Connection: upgrade"]) }, { server: OK }],
  },
  {
    what: "Connection names other headers",
    listener: "websocket",
    steps: [
      { client: get("/", ["Connection: upgrade, x-mine, close", "Upgrade: websocket", "X-Mine: 1"]) },
      { server: SWITCH },
      { client: "ping" },
    ],
  },
  {
    what: "h2c",
    listener: "websocket",
    steps: [
      {
        client: get("/", [
          "Connection: Upgrade, HTTP2-Settings",
          "Upgrade: h2c",
          "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ]),
      },
      { server: OK },
    ],
  },
  {
    what: "h2c beside another",
    listener: "websocket",
    steps: [{ client: get("/", ["Connection: Upgrade", "Upgrade: websocket, h2c"]) }],
  },
  {
    what: "an upgrade with a length of 0",
    listener: "websocket",
    steps: [{ client: get("/", [...UPGRADE, "Content-Length: 0"]) }, { server: SWITCH }, { client: "ping" }],
  },
  {
    what: "an upgrade with a body",
    listener: "websocket",
    steps: [{ client: `${get("/", [...UPGRADE, "Content-Length: 4"])}body` }, { server: SWITCH }, { client: "ping" }],
  },
  {
    what: "an upgrade with a chunked body",
    listener: "websocket",
    steps: [
      { client: `${get("/", [...UPGRADE, "Transfer-Encoding: chunked"])}4\r\nbody\r\n0\r\n\r\n` },
      { server: SWITCH },
      { client: "ping" },
    ],
  },
  {
    what: "an upgrade in HTTP/1.0",
    listener: "websocket",
    steps: [{ client: get("/").replace("HTTP/1.1", "HTTP/1.0") }],
  },
  {
    what: "a POST that upgrades",
    listener: "websocket",
    steps: [{ client: get("/").replace("GET", "POST") }, { server: SWITCH }, { client: "ping" }],
  },
  {
    what: "a route that answers itself",
    listener: "websocket",
    steps: [{ client: get("/direct") }, { client: PLAIN }],
  },
  {
    what: "tried again",
    listener: "websocket",
    steps: [
      { client: get("/retried") },
      { server: "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n" },
      { server: SWITCH },
      { client: "ping" },
    ],
  },
  {
    what: "the route turns on what the manager has off",
    listener: "offered",
    steps: [{ client: get("/on") }, { server: SWITCH }],
  },
  { what: "and not elsewhere", listener: "offered", steps: [{ client: get("/") }] },

  { what: "CONNECT where none is configured", listener: "none", steps: [{ client: CONNECT }] },
  { what: "CONNECT that no route takes", listener: "connect-unmatched", steps: [{ client: CONNECT }] },
  { what: "CONNECT that the route forbids", listener: "connect-off", steps: [{ client: CONNECT }] },
  {
    what: "CONNECT that the route alone allows",
    listener: "connect-route",
    steps: [{ client: CONNECT }, { client: "ping" }],
  },
  {
    what: "CONNECT to a port of the endpoint",
    listener: "connect",
    steps: [
      { client: CONNECT },
      { client: "ping" },
      { server: "pong" },
      { ends: "client" },
      { server: "late" },
      { ends: "server" },
    ],
  },
  {
    what: "CONNECT, the endpoint ends",
    listener: "connect",
    steps: [{ client: CONNECT }, { server: "hello" }, { ends: "server" }, { client: "late" }, { ends: "client" }],
  },
  { what: "CONNECT, the endpoint resets", listener: "connect", steps: [{ client: CONNECT }, { resets: "server" }] },
  {
    what: "CONNECT with bytes behind it",
    listener: "connect",
    steps: [{ client: `${CONNECT}early` }, { client: "x" }],
  },
  {
    what: "CONNECT with a length",
    listener: "connect",
    steps: [{ client: "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\nContent-Length: 4\r\n\r\nbody" }],
  },
  {
    what: "CONNECT with a length of 0",
    listener: "connect",
    steps: [{ client: "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\nContent-Length: 0\r\n\r\n" }, { client: "x" }],
  },
  {
    what: "CONNECT with chunks",
    listener: "connect",
    steps: [
      {
        client: "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
      },
    ],
  },
  {
    what: "CONNECT with an Upgrade",
    listener: "connect",
    steps: [
      { client: "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n" },
      { client: "x" },
    ],
  },
  { what: "no CONNECT on its route", listener: "connect", steps: [{ client: PLAIN }, { server: OK }] },
  {
    what: "CONNECT handed on",
    listener: "forward",
    steps: [
      { client: CONNECT },
      { server: "HTTP/1.1 200 Connected\r\nx-own: 1\r\n\r\nhello" },
      { client: "ping" },
      { server: "pong" },
    ],
  },
  {
    what: "CONNECT handed on and refused",
    listener: "forward",
    steps: [
      { client: CONNECT },
      { server: "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno" },
      { client: PLAIN },
      { server: OK },
    ],
  },
  {
    what: "CONNECT handed on, answered with a length",
    listener: "forward",
    steps: [{ client: CONNECT }, { server: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" }, { server: "more" }],
  },
  {
    what: "POST as CONNECT",
    listener: "post",
    steps: [
      { client: "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n" },
      { server: "pong" },
      { client: "0\r\n\r\n" },
      { server: "last" },
      { ends: "server" },
    ],
  },
  {
    what: "POST with a length as CONNECT",
    listener: "post",
    steps: [
      { client: "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\n\r\nping" },
      { server: "pong" },
      { ends: "server" },
    ],
  },
  {
    what: "100-continue answered by the proxy",
    listener: "none",
    steps: [
      { client: "POST / HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n" },
      { server: "HTTP/1.1 100 Continue\r\n\r\n" },
      { client: "body" },
      { server: OK },
    ],
  },
  {
    what: "100-continue answered by the backend",
    listener: "continue",
    steps: [
      { client: "POST / HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n" },
      { server: "HTTP/1.1 100 Continue\r\n\r\n" },
      { client: "body" },
      { server: OK },
    ],
  },
  {
    what: "100-continue refused by the backend",
    listener: "continue",
    steps: [
      { client: "POST / HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n" },
      { server: "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n" },
      { client: "body" },
    ],
  },
];
