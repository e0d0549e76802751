// Runs before the page is painted, so that it never flashes in the other colours: no module.
try {
  const theme = localStorage.getItem("trinity.theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Nothing is kept for this page: the colours of the system.
}
