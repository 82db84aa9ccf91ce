import { expect, test } from "vitest";
import { row } from "../src/row.js";

test("plants take room in a row", () => {
  expect(row("radish", 50)).toBe("50 radishes: 2 m of row");
  expect(row("leek", 1)).toBe("1 leek: 0.15 m of row");
});

test("what we do not know takes none", () => {
  expect(row("oak", 1)).toBeUndefined();
  expect(row("constructor", 1)).toBeUndefined();
});
