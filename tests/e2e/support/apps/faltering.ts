/**
 * `/fail/<status>/<times>/<anything>` is answered with the status that often, and then with 200 and how often it was asked.
 */
const asked = new Map<string, number>();
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  fetch(request) {
    const { pathname } = new URL(request.url);
    const times = (asked.get(pathname) ?? 0) + 1;
    asked.set(pathname, times);
    const [, status, failures] = /^\/fail\/(\d+)\/(\d+)/.exec(pathname) ?? [];
    const isFailure = times <= Number(failures ?? 0);
    return new Response(`asked ${times}\n`, { status: isFailure ? Number(status) : 200 });
  },
});
