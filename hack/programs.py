"""``python3 -m hack.programs`` prints the folders of the kubectl and helm that ``cluster/`` builds, as for ``PATH``."""

import os

from cluster.binaries import ADDONS, KUBERNETES
from cluster.settings import settings_from_environment


def search_path() -> str:
    """The folders, whether built yet or not."""
    settings = settings_from_environment()
    return os.pathsep.join(str(build.folder(settings)) for build in (KUBERNETES, ADDONS))


if __name__ == "__main__":
    print(search_path())
