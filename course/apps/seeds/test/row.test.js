// Run with: npm run build && npm test
"use strict";

const assert = require("node:assert");
const { test } = require("node:test");
const { row } = require("../dist/row.js");

test("plants take room in a row", () => {
  assert.strictEqual(row("radish", 50), "50 radishes: 2 m of row");
  assert.strictEqual(row("leek", 1), "1 leek: 0.15 m of row");
});

test("what we do not know takes none", () => {
  assert.strictEqual(row("oak", 1), undefined);
  assert.strictEqual(row("constructor", 1), undefined);
});
