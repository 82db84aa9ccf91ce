// Texts of views whose contrast with what stands behind them is below 4.5 to 1 (WCAG 2.1, 1.4.3), as the page shows them.
() => {
  const rgb = (color) => { const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const linear = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const above = (node) => (node ? [node, ...above(node.parentElement)] : []);
  const behind = (node) => above(node).map((one) => rgb(getComputedStyle(one).backgroundColor)).reverse()
    .reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (!text || !node.closest(".lw") || node.closest("style, :disabled") || !node.checkVisibility()) continue;
    const ink = rgb(getComputedStyle(node).color);
    ink[3] *= above(node).reduce((all, one) => all * getComputedStyle(one).opacity, 1);
    const paper = behind(node);
    const [most, least] = [light(over(ink, paper)), light(paper)].sort((a, b) => b - a);
    const ratio = (most + 0.05) / (least + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className}: ${text.slice(0, 40)}`);
  }
  return found;
}
