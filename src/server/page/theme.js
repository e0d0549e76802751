// Dark or light: as the system has it, until the user chooses the other one.
const KEY = "trinity.theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

function systemTheme() {
  return systemIsDark.matches ? "dark" : "light";
}

export function switchTheme() {
  const {dataset} = document.documentElement;
  const theme = (dataset.theme ?? systemTheme()) === "dark" ? "light" : "dark";
  const isChoice = theme !== systemTheme();
  if (isChoice) {
    dataset.theme = theme;
  } else {
    delete dataset.theme;
  }
  try {
    if (isChoice) localStorage.setItem(KEY, theme);
    else localStorage.removeItem(KEY);
  } catch {
    // Nothing is kept for this page: the choice lasts until it is left.
  }
}
