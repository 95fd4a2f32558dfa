pytest_plugins = ["sluice_fixtures"]
