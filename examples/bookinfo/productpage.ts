/**
 * The page at the front: a book with its details and its reviews, and the same as JSON.
 *
 *     GET / or /productpage?id=1&u=jason      HTML; `u` signs in (empty: signs out) and is kept in a cookie
 *     GET /api/v1/products                    the books
 *     GET /api/v1/products/<book>             one of them
 *     GET /api/v1/products/<book>/reviews     what reviews answers
 *     GET /api/v1/products/<book>/ratings     what ratings answers; our policies let only reviews ask it
 *
 * @module
 */
import { type Answer, ask, json, passOn } from "./calls.ts";
import { type Details, page, type Reviews } from "./page.ts";

const version = process.env["VERSION"] ?? "v1";

const products = [
  {
    id: 1,
    title: "Twenty Thousand Leagues Under the Seas",
    description: "A professor, his servant and a harpooner are the guests of a captain whom nobody may leave.",
  },
  {
    id: 2,
    title: "Around the World in Eighty Days",
    description: "A punctual gentleman bets half his fortune on the timetables of the world.",
  },
];

const bookOf = (id: string) => products.find((p) => String(p.id) === id);

/** Who visits: `?u=`, else the header `end-user`, else the cookie. Anything but a plain name is nobody. */
function userOf(request: Request, query: URLSearchParams): string {
  const cookie = /(?:^|;\s*)user=([^;]*)/.exec(request.headers.get("cookie") ?? "")?.[1];
  const name = query.get("u") ?? request.headers.get("end-user") ?? cookie ?? "";
  return /^[\w.-]{1,64}$/.test(name) ? name : "";
}

async function showProduct(request: Request): Promise<Response> {
  const query = new URL(request.url).searchParams;
  const id = query.get("id") ?? "1";
  const book = bookOf(id);
  if (book === undefined) return new Response("There is no such book.\n", { status: 404 });
  const user = userOf(request, query);
  const headers = passOn(request.headers);
  if (user === "") headers.delete("end-user");
  else headers.set("end-user", user);
  const [details, reviews] = await Promise.all([
    ask<Details>(`http://details:9080/details/${id}`, headers),
    ask<Reviews>(`http://reviews:9080/reviews/${id}`, headers),
  ]);
  const answer = new Response(page({ book, products, user, details, reviews }), {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-version": version,
      "x-reviews-version": reviews.ok ? reviews.value.version : "none",
    },
  });
  if (query.has("u")) answer.headers.set("set-cookie", `user=${user}; Path=/; HttpOnly; SameSite=Lax`);
  return answer;
}

/** What another service answers, passed on; 502 with the reason where it does not. */
async function relay(request: Request, service: string, id: string): Promise<Response> {
  if (bookOf(id) === undefined) return json({ error: `there is no book ${id}` }, version, 404);
  const answer: Answer<unknown> = await ask(`http://${service}:9080/${service}/${id}`, passOn(request.headers));
  return answer.ok
    ? json(answer.value, version)
    : json({ error: `${service} is not available: ${answer.reason}` }, version, 502);
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 9080),
  routes: {
    "/": showProduct,
    "/productpage": showProduct,
    "/health": () => json({ status: "productpage is healthy" }, version),
    "/api/v1/products": () => json(products, version),
    "/api/v1/products/:id": ({ params: { id } }) =>
      json(bookOf(id) ?? { error: `there is no book ${id}` }, version, bookOf(id) === undefined ? 404 : 200),
    "/api/v1/products/:id/reviews": (request) => relay(request, "reviews", request.params.id),
    "/api/v1/products/:id/ratings": (request) => relay(request, "ratings", request.params.id),
  },
  fetch: () => json({ error: "not found" }, version, 404),
});

console.log(`productpage ${version} listens on ${server.url}`);
