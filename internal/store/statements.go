package store

// The statements that steer the writer's transaction. IMMEDIATE takes the write lock at once, so that a transaction that
// begins with a read can never be refused at its first write.
const (
	beginTransaction    = "BEGIN IMMEDIATE"
	commitTransaction   = "COMMIT"
	rollbackTransaction = "ROLLBACK"
	setSavepoint        = "SAVEPOINT job"
	rollbackToSavepoint = "ROLLBACK TO job"
	releaseSavepoint    = "RELEASE job"
)

func transactionStatements() []string {
	return []string{
		beginTransaction, commitTransaction, rollbackTransaction, setSavepoint, rollbackToSavepoint, releaseSavepoint,
	}
}

// readStatements are prepared on every reading connection. A statement that is not in a list cannot be run, so that the test
// of the query plans, which goes through the lists, has seen every one.
func readStatements() []string {
	return []string{
		selectNobody,
		selectIdentityBySubject, selectIdentitiesBySpelling, selectMeant, selectIdentities,
		selectAPIKeys, selectAPIKeyByValueHash,
		selectUser, selectUsers, selectLink, selectEvents, selectEventBehind,
		selectAuthSession, selectAuthSessions,
		selectWebSession, selectWebSessions,
		selectGrant, selectGrantByDeviceCode,
		selectRefusedAt, selectRecordingSince, selectKeyWithUsage, selectKeysWithUsage,
		selectClock,
	}
}

// writeStatements are prepared on the writer's connection.
func writeStatements() []string {
	return []string{
		insertUser, selectUser, updateUserDisabled, deleteUser, insertIdentity, insertLoneIdentity,
		updatePasswordHash, changePasswordHash, replacePending, deleteAllLinks, selectIdentityBySubject,
		insertLink, selectLink, deleteLinks, updatePending, setPasswordHash, sweepLinks,
		insertAPIKey, selectKeyRefusal, selectAPIKey, selectAPIKeyName, updateAPIKeyDisabled, deleteAPIKey, deleteSessionsOfKey,
		insertAuthSession, insertAuthSessionByKey, deleteOldAuthSessions, deleteOldestAuthSession, selectAuthSessionID, updateLastSeen,
		deleteAuthSession, deleteAuthSessionsOfUser, sweepAuthSessions,
		insertWebSession, selectOldestWebSession, updateWebSession, selectWebSessionVersion,
		deleteHeldAuthSession, deleteWebSession,
		sweepHeldByEnded, sweepHeldByIdle, sweepEndedWebSessions, sweepIdleWebSessions,
		insertGrant, selectUserCode, claimGrant, decideGrant, cancelApproval, finishApproval, deliverGrant,
		sweepUndelivered, sweepDelivered, sweepGrants,
		updateKeyUse, insertKeyUse, upsertKeyRefusal,
		insertEvent, countRepeat, selectFullDay, selectBusyDay, insertRepeat, deleteEventsOfUser, deleteRepeatsOfUser, sweepEvents, sweepRepeats,
		deleteWebSessionsOfUser, forgetUserOfGrants,
		insertAnonymousUser, deleteAnonymousUser, lookAtAnonymous, postponeAnonymous, sweepAnonymousEvents, sweepAnonymous, forgetAnonymous,
		saveClock, boundAuthSessions, boundWebSessions, boundLinks, boundGrants, boundRecordingSince,
	}
}
