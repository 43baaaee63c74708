"""`DirectoryAdmin` on DynamoDB: how organisations, projects, keys, users, clients and workflows come and go."""

from __future__ import annotations

from jobs.store.directory_credentials import CredentialChanges
from jobs.store.directory_projects import ProjectChanges
from jobs.store.directory_removal import RemovalChanges
from jobs.store.directory_users import UserChanges
from jobs.store.directory_workflows import WorkflowChanges


class DynamoDBDirectoryAdmin(ProjectChanges, CredentialChanges, UserChanges, WorkflowChanges, RemovalChanges):
    """The directory's rows, as administrators write them."""
