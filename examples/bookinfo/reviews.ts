/**
 * What readers say of a book. v1 shows no stars; v2 asks ratings and shows them black; v3 shows them red.
 *
 *     GET /reviews/<book>   {"id": 1, "version": "v2", "reviews": [{"reviewer": …, "text": …, "rating": {"stars": 5, "color": "black"}}]}
 *
 * @module
 */
import { type Answer, ask, json, passOn } from "./calls.ts";

const version = process.env["VERSION"] ?? "v1";
const color = { v2: "black", v3: "red" }[version];

interface Ratings {
  readonly ratings: Readonly<Record<string, number>>;
}

const reviews: Readonly<Record<string, readonly { readonly reviewer: string; readonly text: string }[]>> = {
  "1": [
    { reviewer: "Conseil", text: "Every fish is named, and in the right order. I would classify it again at once." },
    { reviewer: "Ned Land", text: "Months under water and hardly a steak. The squid was good, though." },
  ],
  "2": [
    { reviewer: "Passepartout", text: "I left the gas burning for eighty days. Worth every penny of it." },
    { reviewer: "Inspector Fix", text: "A fine chase that ends with an apology. I expected a thief." },
  ],
};

/** Stars of one reviewer, or why there are none. */
function rating(reviewer: string, answer: Answer<Ratings>): object | undefined {
  if (!answer.ok) return { error: `ratings is not available: ${answer.reason}` };
  const stars = answer.value.ratings[reviewer];
  return stars === undefined ? undefined : { stars, color };
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 9080),
  routes: {
    "/health": () => json({ status: "reviews is healthy" }, version),
    "/reviews/:id": async (request) => {
      const { id } = request.params;
      const found = Object.hasOwn(reviews, id) ? reviews[id] : undefined;
      if (found === undefined) return json({ error: `there is no book ${id}` }, version, 404);
      if (color === undefined) return json({ id: Number(id), version, reviews: found }, version);
      const answer = await ask<Ratings>(`http://ratings:9080/ratings/${id}`, passOn(request.headers));
      const rated = found.map((review) => ({ ...review, rating: rating(review.reviewer, answer) }));
      return json({ id: Number(id), version, reviews: rated }, version);
    },
  },
  fetch: () => json({ error: "not found" }, version, 404),
});

console.log(`reviews ${version} listens on ${server.url}`);
