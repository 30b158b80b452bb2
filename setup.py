"""Everything is in pyproject.toml, but for the flag files: they lie beside the package, and go into its wheel."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithFlags(build_py):
    """Copies `experiments/*.flags` to `hdsynth_tf/experiments`, where `--flagfile` finds them by their names."""

    def _places(self):
        folder = Path(self.build_lib, "hdsynth_tf", "experiments")
        return {str(path): str(folder / path.name) for path in sorted(Path("experiments").glob("*.flags"))}

    def run(self):
        super().run()
        if not self.editable_mode:
            for here, there in self._places().items():
                self.mkpath(str(Path(there).parent))
                self.copy_file(here, there, preserve_mode=False)

    def get_source_files(self):
        return [*super().get_source_files(), *self._places()]

    def get_outputs(self, include_bytecode=1):
        return [*super().get_outputs(include_bytecode), *({} if self.editable_mode else self._places()).values()]


setup(cmdclass={"build_py": BuildWithFlags})
