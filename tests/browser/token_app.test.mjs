// The token app's modules in Node; test_token_app.py starts it, and says which files there are and
// how many rows of each are settled.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { checkFile, parse } from "./token_app.mjs";

// Scripts of the old kind look for it, as browsers have it.
globalThis.self ??= globalThis;

for (const [path, settled] of Object.entries(JSON.parse(process.env.VECTORS))) {
  test(`every settled row of ${path} comes out as it should`, async () => {
    const { passed, failed } = await checkFile(parse(await readFile(path, "utf-8")));
    assert.deepEqual(failed, []);
    assert.equal(passed, settled);
  });
}
