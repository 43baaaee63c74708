"""What tenancy needs beside the directory: to store tokens, and to change the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jobs.ports import Directory, Ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.ports import Clock
    from jobs.tenants import (
        AccessToken,
        AuditEntry,
        Client,
        Closing,
        Credential,
        ListOrder,
        Organisation,
        Project,
        Registration,
        Retention,
        Right,
        Role,
        User,
    )


class TokenStore(Protocol):
    """Where access tokens are kept."""

    def add_token(self, token: AccessToken, digest: str) -> None:
        """Store a token under its digest.

        Raises:
            Busy: DynamoDB throttles, or the answer was lost.
        """


class TokenPorts(Ports, Protocol):
    """The world in which tokens are issued."""

    @property
    def tokens(self) -> TokenStore:
        """Where tokens are put."""


class _Administered(Directory, Protocol):
    """The directory, and who changes it. Each change is written with its audit entry, or not at all."""

    @property
    def by(self) -> str:
        """Who makes the changes."""

    @property
    def clock(self) -> Clock:
        """Time."""


class ProjectAdmin(_Administered, Protocol):
    """What administrators do to organisations and projects."""

    def add_organisation(self, name: str) -> Organisation:
        """Create an organisation under the next free id."""

    def get_organisation(self, organisation_id: int) -> Organisation | None:
        """Read an organisation, strongly; None if it does not exist."""

    def list_organisations(self) -> Sequence[Organisation]:
        """Read all organisations, by their ids."""

    def add_project(self, organisation_id: int, name: str, project_key: str, secret: bytes, limit: int) -> Project:
        """Create a project of an organisation that has fewer than `limit` projects.

        Raises:
            InvalidRequest: the organisation does not exist or has `limit` projects.
        """

    def set_trust(self, project_id: int, accounts: frozenset[str], sources: Mapping[str, frozenset[str]]) -> None:
        """Set the accounts and sources whose events a project takes, and the actions that each source may report on.

        Raises:
            InvalidRequest: the project does not exist.
        """

    def set_limits(self, project_id: int, creations_per_minute: int | None) -> None:
        """Set how many jobs callers may create in a project within a minute; None means any number.

        Raises:
            InvalidRequest: the project does not exist.
        """

    def set_list_order(self, project_id: int, order: ListOrder) -> None:
        """Set with which end the lists of a project begin.

        Raises:
            InvalidRequest: the project does not exist.
        """

    def set_retention(self, project_id: int, retention: Retention) -> None:
        """Set what a project forgets of its ended jobs, and when.

        Raises:
            InvalidRequest: the project does not exist.
        """

    def list_audit(self, organisation_id: int, limit: int) -> Sequence[AuditEntry]:
        """Read the newest changes in an organisation, the newest first."""


class CredentialAdmin(_Administered, Protocol):
    """What administrators do to API keys and clients."""

    def add_credential(self, credential: Credential, digest: str) -> None:
        """Store a credential under the digest of its secret.

        Raises:
            InvalidRequest: the organisation does not exist.
        """

    def list_credentials(self, organisation_id: int) -> Sequence[Credential]:
        """Read an organisation's credentials, also those that have ended, oldest first."""

    def rotate_credential(self, credential_id: str, until: int, credential: Credential, digest: str) -> None:
        """Store a credential beside another one of its organisation, which ends at `until`.

        Raises:
            InvalidRequest: the other one does not exist, was revoked, or ends before that.
        """

    def revoke_credential(self, organisation_id: int, credential_id: str) -> int:
        """End a credential for ever, and return when it ended.

        Raises:
            InvalidRequest: the organisation has no credential with this id.
        """

    def add_client(self, client: Client) -> None:
        """Create a client of a user, with a project of the same organisation.

        Raises:
            InvalidRequest: the organisation has no such user or project.
        """

    def list_clients(self, organisation_id: int) -> Sequence[Client]:
        """Read an organisation's clients, also those that have ended, oldest first."""

    def revoke_client(self, client_id: str) -> int:
        """End a client and its tokens for ever, and return when it ended.

        Raises:
            InvalidRequest: the client does not exist.
        """


class UserAdmin(_Administered, Protocol):
    """What administrators do to users and collections."""

    def add_user(self, user: User) -> None:
        """Create a user.

        Raises:
            InvalidRequest: the organisation does not exist, or already has a user with this id.
        """

    def list_users(self, organisation_id: int) -> Sequence[User]:
        """Read an organisation's users, by their ids."""

    def set_role(self, organisation_id: int, user_id: str, role: Role) -> None:
        """Give a user another role.

        Raises:
            InvalidRequest: the user does not exist.
        """

    def set_right(
        self, organisation_id: int, user_id: str, collection_id: str, right: Right | None, limit: int
    ) -> None:
        """Put a user into a collection with a right, or take the user out (None).

        Raises:
            InvalidRequest: the user does not exist, or is in `limit` collections already.
        """


class WorkflowAdmin(_Administered, Protocol):
    """What administrators do to workflows."""

    def set_workflow_collections(
        self, organisation_id: int, workflow_id: str, collection_ids: Sequence[str], limit: int
    ) -> None:
        """Set the collections that a workflow is in.

        Raises:
            InvalidRequest: the organisation does not exist, or would know more than `limit` workflows.
        """

    def add_registration(self, organisation_id: int, workflow_id: str, registration: Registration, limit: int) -> None:
        """Register a workflow.

        Raises:
            InvalidRequest: it is registered already, the organisation has no such owner, or it would know more than
                `limit` workflows.
        """

    def change_registration(self, organisation_id: int, workflow_id: str, registration: Registration) -> None:
        """Replace what was said of a registered workflow.

        Raises:
            InvalidRequest: it is not registered, or the organisation has no such owner.
        """


class RemovalAdmin(_Administered, Protocol):
    """How administrators delete projects and organisations."""

    def close_project(self, project_id: int) -> None:
        """Hide a project from every caller, and begin its deletion.

        Raises:
            InvalidRequest: it does not exist or is being deleted already.
        """

    def find_closing(self, project_id: int) -> Closing | None:
        """Read how far the deletion of a project has come, strongly; None if there is no such deletion."""

    def remove_organisation(self, organisation_id: int) -> int:
        """Delete an organisation with its keys, clients, users and workflows, and return how many rows that were.

        The audit stays. If this ends in the middle, it is done again.

        Raises:
            InvalidRequest: it does not exist or has projects.
        """


class DirectoryAdmin(ProjectAdmin, CredentialAdmin, UserAdmin, WorkflowAdmin, RemovalAdmin, Protocol):
    """Everything that administrators do to the directory."""
