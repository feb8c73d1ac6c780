/**
 * Stars by reviewer.
 *
 *     GET  /ratings/<book>   {"id": 1, "ratings": {"Conseil": 5, "Ned Land": 3}}
 *     POST /ratings/<book>   {"Conseil": 4}
 *
 * @module
 */
import { json } from "./calls.ts";

const version = process.env["VERSION"] ?? "v1";

const ratings = new Map<string, Record<string, number>>([
  ["1", { Conseil: 5, "Ned Land": 3 }],
  ["2", { Passepartout: 5, "Inspector Fix": 2 }],
]);

const unknown = (id: string): Response => json({ error: `there is no book ${id}` }, version, 404);

const isRating = ([name, stars]: [string, unknown]): boolean =>
  name.length <= 64 && Number.isInteger(stars) && Number(stars) >= 1 && Number(stars) <= 5;

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 9080),
  routes: {
    "/health": () => json({ status: "ratings is healthy" }, version),
    "/ratings/:id": {
      GET: ({ params: { id } }) => {
        const found = ratings.get(id);
        return found === undefined ? unknown(id) : json({ id: Number(id), ratings: found }, version);
      },
      POST: async (request) => {
        const { id } = request.params;
        const found = ratings.get(id);
        if (found === undefined) return unknown(id);
        const given: unknown = await request.json().catch(() => undefined);
        const entries = typeof given === "object" && given !== null ? Object.entries(given) : [];
        if (entries.length === 0 || entries.length > 10 || !entries.every(isRating))
          return json({ error: 'a rating is 1 to 5 stars by name, such as {"Conseil": 4}' }, version, 400);
        ratings.set(id, { ...found, ...Object.fromEntries(entries) });
        return json({ id: Number(id), ratings: ratings.get(id) }, version);
      },
    },
  },
  fetch: () => json({ error: "not found" }, version, 404),
});

console.log(`ratings ${version} listens on ${server.url}`);
