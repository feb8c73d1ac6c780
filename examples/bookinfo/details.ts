/**
 * What is known of a book. v2 knows more than v1.
 *
 *     GET /details/<book>   {"id": 1, "author": "Jules Verne", "year": 1870, …}
 *
 * @module
 */
import { json } from "./calls.ts";

const version = process.env["VERSION"] ?? "v1";

const books: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  "1": { author: "Jules Verne", year: 1870, type: "novel", pages: 426, publisher: "Hetzel", language: "French" },
  "2": { author: "Jules Verne", year: 1873, type: "novel", pages: 217, publisher: "Hetzel", language: "French" },
};

const more: Readonly<Record<string, Readonly<Record<string, string | number>>>> = {
  "1": { title: "Vingt mille lieues sous les mers", illustrator: "Alphonse de Neuville" },
  "2": { title: "Le tour du monde en quatre-vingts jours", illustrator: "Léon Benett" },
};

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 9080),
  routes: {
    "/health": () => json({ status: "details is healthy" }, version),
    "/details/:id": ({ params: { id } }) => {
      const book = Object.hasOwn(books, id) ? books[id] : undefined;
      if (book === undefined) return json({ error: `there is no book ${id}` }, version, 404);
      return json({ id: Number(id), ...book, ...(version === "v1" ? {} : more[id]) }, version);
    },
  },
  fetch: () => json({ error: "not found" }, version, 404),
});

console.log(`details ${version} listens on ${server.url}`);
