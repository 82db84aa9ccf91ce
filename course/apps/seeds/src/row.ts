import pluralize from "pluralize";

/** Centimetres that a plant wants to the next one in its row. */
const apart: Record<string, number> = { bean: 10, leek: 15, potato: 35, radish: 4, strawberry: 30 };

/** How much of a bed so many plants take, in words; nothing where we do not know the plant. */
export function row(plant: string, count: number): string | undefined {
  if (!Object.hasOwn(apart, plant)) return undefined;
  return `${pluralize(plant, count, true)}: ${(apart[plant] * count) / 100} m of row`;
}
