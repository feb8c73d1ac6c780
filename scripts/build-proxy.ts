/**
 * Makes one file of the proxy: `.cache/proxy/proxy-main.js`. The launcher uses it as long as no source is newer.
 */
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const built = await Bun.build({
  entrypoints: [join(root, "src/cli/proxy-main.ts")],
  outdir: join(root, ".cache/proxy"),
  target: "bun",
  minify: true,
  splitting: true,
});
if (!built.success) throw new AggregateError(built.logs, "the proxy could not be built");
