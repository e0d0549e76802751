"""The files of the project as the tidy rules see them, and what a rule finds."""

import dataclasses
import functools
import pathlib

LEFT_OUT_FOLDERS = {"__pycache__", "build", "models", "tests/data"}
SOURCE_SUFFIXES = {".h", ".cc"}
PAGE_SUFFIXES = {".js", ".css", ".html", ".svg"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | PAGE_SUFFIXES | {".py", ".md", ".cmake", ".sh", ".yml", ".yaml"}
TEXT_NAMES = {"Makefile", "CMakeLists.txt", "CMakePresets.json", ".clang-tidy", ".clang-format"}


@dataclasses.dataclass(frozen=True)
class Finding:
    rule: str
    path: str  # relative to the root
    line: int  # from 1; 0 where the file as a whole is meant
    message: str

    def __str__(self):
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message} [{self.rule}]"


class SourceFile:
    """One text file of the project."""

    def __init__(self, root, path):
        self.absolute = path
        self.path = path.relative_to(root).as_posix()
        self.name = path.name
        self.suffix = path.suffix
        self.folders = self.path.split("/")[:-1]

    @functools.cached_property
    def text(self):
        return self.absolute.read_text(encoding="utf-8")

    @functools.cached_property
    def lines(self):
        return self.text.split("\n")[: -1 if self.text.endswith("\n") else None]

    @property
    def is_cpp(self):
        return self.suffix in SOURCE_SUFFIXES

    @property
    def is_generated_table(self):
        return self.absolute.stem.endswith(("_table", "_tables"))

    def finding(self, rule, line, message):
        return Finding(rule, self.path, line, message)


class SourceTree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = sorted(
            (SourceFile(self.root, path) for path in self._walk(self.root)), key=lambda f: f.path
        )

    def _walk(self, folder):
        for path in folder.iterdir():
            relative = path.relative_to(self.root).as_posix()
            if path.is_dir() and not path.is_symlink():
                hidden = path.name.startswith(".") and path.name != ".ci"
                if not hidden and not {path.name, relative} & LEFT_OUT_FOLDERS:
                    yield from self._walk(path)
            elif path.is_file() and self._is_text(path, relative):
                yield path

    @staticmethod
    def _is_text(path, relative):
        if path.suffix in TEXT_SUFFIXES or path.name in TEXT_NAMES:
            return True
        if relative.split("/")[0] in (".ci", "tools") and not path.suffix:
            return True
        return False

    def cpp_files(self):
        return [file for file in self.files if file.is_cpp]

    def page_files(self):
        return [file for file in self.files if file.suffix in PAGE_SUFFIXES]

    def with_suffix(self, suffix):
        return [file for file in self.files if file.suffix == suffix]

    def exists(self, relative):
        return (self.root / relative).exists()
