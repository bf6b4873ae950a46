"""The pages of the installation: its settings, and its health."""

import os
from itertools import chain

from iai.admin.doctor import group, machine
from iai.config import config_file
from iai.config.settings import Source, resolve, shown
from iai.ui.asked import Asked, Document


def settings(asked: Asked) -> Document:
    """Return each setting with its value, where that comes from, and its default."""
    found, warnings = resolve(os.environ, config_file.read(asked.layout.config)[0])
    return {
        "store": asked.settings.store,
        "config": asked.layout.config,
        "warnings": warnings,
        "settings": [
            {
                "name": one.name,
                "value": shown(one.value),
                "unit": "" if isinstance(one.value, str) else one.setting.unit,
                "default": shown(one.default),
                "source": one.source,
                "variable": one.setting.variable,
                "meaning": one.setting.meaning,
                "changed": one.source is not Source.DEFAULT,
            }
            for one in found
        ],
    }


def health(asked: Asked) -> Document:
    """Return what `iai doctor` finds."""
    checks = chain(
        machine.checks(asked.layout, os.environ, asked.settings),
        group.checks(asked.layout, asked.settings),
    )
    found = list(checks)
    worst = [finding.verdict.value for finding in found]
    return {"findings": found, "failed": worst.count("fail"), "warnings": worst.count("warn")}
