"""OpenReplay's newer API with this service's extensions: a module for each subject."""
