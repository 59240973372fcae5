// Pages are printed in the light theme, whichever is being read.
addEventListener("beforeprint", () => {
  const root = document.documentElement;
  const { theme } = root.dataset;
  root.dataset.theme = "light";
  addEventListener("afterprint", () => { root.dataset.theme = theme; }, { once: true });
});
