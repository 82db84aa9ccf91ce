// A button for each tea; the time that is left is shown beside them, and the page says when it is over.
document.querySelectorAll("[data-tea]").forEach((button) => {
  button.addEventListener("click", () => {
    const output = document.querySelector("output");
    const finished = Date.now() + Number(button.dataset.tea);
    const timer = setInterval(() => {
      const left = Math.round((finished - Date.now()) / 1000);
      output.textContent = left > 0 ? `${left} seconds to go` : "Your tea is ready";
      if (left <= 0) clearInterval(timer);
    }, 250);
  });
});
