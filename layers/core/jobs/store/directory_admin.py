"""`DirectoryAdmin` on DynamoDB: how organisations, projects, keys, users and clients come and go."""

from __future__ import annotations

from jobs.store.directory_credentials import CredentialChanges
from jobs.store.directory_projects import ProjectChanges
from jobs.store.directory_users import UserChanges


class DynamoDBDirectoryAdmin(ProjectChanges, CredentialChanges, UserChanges):
    """The directory's rows, as administrators write them."""
