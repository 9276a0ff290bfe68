// Two socket.io servers that share a Redis server by the adapter: node rooms.cjs PORT. What one sends to everybody, to a room or
// to one client arrives at clients of the other; sockets are found, moved and asked across both. Prints lines, then `done`.

"use strict";
const assert = require("node:assert");
const { createServer } = require("node:http");
const { Server } = require("socket.io");
const { io } = require("socket.io-client");
const { createAdapter, createShardedAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");

const url = `redis://127.0.0.1:${process.argv[2]}`;
const event = (socket, name) => new Promise((resolve) => socket.once(name, (...args) => resolve(args)));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function node(make) {
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const http = createServer();
  const server = new Server(http, { adapter: make(publisher, subscriber) });
  server.on("connection", (socket) => {
    socket.on("join", (room, answer) => (socket.join(room), answer()));
    socket.on("say", (room, text) => server.to(room).emit("said", text, socket.data.name));
    socket.data.name = socket.handshake.auth.name;
  });
  server.on("question", (n, answer) => answer(n + 1));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { server, port: http.address().port, clients: [publisher, subscriber] };
}

async function run(name, make) {
  const nodes = await Promise.all([node(make), node(make)]);
  const sockets = await Promise.all([0, 1, 0, 1].map(async (n, i) => {
    const socket = io(`http://127.0.0.1:${nodes[n].port}`, { transports: ["websocket"], auth: { name: `client${i}` } });
    await event(socket, "connect");
    return socket;
  }));
  await pause(200);

  let heard = sockets.map((socket) => event(socket, "news"));
  nodes[0].server.emit("news", { n: 1 }, Buffer.from([0, 255, 1]));
  for (const [news, bytes] of await Promise.all(heard)) {
    assert.strictEqual(news.n, 1);
    assert.deepStrictEqual([...Buffer.from(bytes)], [0, 255, 1]);
  }

  for (const socket of [sockets[0], sockets[1]]) await new Promise((resolve) => socket.emit("join", "room", resolve));
  await pause(200);
  let outside = 0;
  for (const socket of [sockets[2], sockets[3]]) socket.on("said", () => outside++);
  heard = [sockets[0], sockets[1]].map((socket) => event(socket, "said"));
  sockets[3].emit("say", "room", "hello");
  for (const words of await Promise.all(heard)) assert.deepStrictEqual(words, ["hello", "client3"]);
  assert.strictEqual(outside, 0);

  const all = await nodes[1].server.fetchSockets();
  assert.deepStrictEqual(all.map((s) => s.data.name).sort(), ["client0", "client1", "client2", "client3"]);
  heard = event(sockets[2], "only you");
  nodes[1].server.to(all.find((s) => s.data.name === "client2").id).emit("only you", 7);
  assert.deepStrictEqual(await heard, [7]);

  nodes[0].server.in("room").socketsJoin("other");
  await pause(300);
  assert.strictEqual((await nodes[1].server.in("other").fetchSockets()).length, 2);
  assert.deepStrictEqual(await nodes[0].server.serverSideEmitWithAck("question", 41), [42]);

  const gone = event(sockets[1], "disconnect");
  nodes[0].server.in("room").disconnectSockets(true);
  await gone;

  for (const socket of sockets) socket.close();
  for (const { server, clients } of nodes) {
    await server.close();
    for (const client of clients) await client.close();
  }
  console.log(`socket.io, ${name}: two servers, four clients`);
}

(async () => {
  await run("PUBLISH", (publisher, subscriber) => createAdapter(publisher, subscriber));
  await run("SPUBLISH", (publisher, subscriber) => createShardedAdapter(publisher, subscriber));
  console.log("done");
  process.exit(0);
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
