package store

import (
	"slices"
	"strconv"
	"strings"
)

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
		selectGrant, selectGrantByDeviceCode, selectShownGrant,
		selectRefusedAt, selectRecordingSince, selectKeyWithUsage, selectKeysWithUsage,
		selectClock, countUsers, selectAnyUser,
		selectKnocks, countKnocks, selectKnocksFrom, selectKeysNotBack,
		selectServerKey, selectServerKeys, selectServerKeyUser, selectCustomData,
		selectDueReplacements, selectReplacements,
		selectCards,
		selectExpired, selectDueReminder, selectClaimed,
		selectPasskeys, selectPasskeyByCredential, selectHost, selectChallenge,
		selectTicket,
		selectRole, selectOperator, countOperators, selectActs,
		selectPeopleByID, selectPerson, selectPeopleBySubject, selectPeopleBySpelling, selectProviderAfter, selectFirstEvent,
		selectHandover,
		selectWebhook, selectWebhooks, selectDueWebhooks, selectDueQueued, selectHeadOfUser, selectOperators,
	}
}

// writeStatements are prepared on the writer's connection.
func writeStatements() []string {
	return []string{
		insertUser, selectUser, updateUserDisabled, updateLanguage, deleteUser, insertIdentity, insertLoneIdentity,
		updateIdentityData, updatePasswordHash, changePasswordHash, replacePending, deleteAllLinks, selectIdentityBySubject,
		insertLink, selectLink, deleteLinks, updatePending, setPasswordHash, sweepLinks,
		insertAPIKey, insertForm, sweepForms, deleteFormsOfUser, selectKeyRefusal, selectAPIKey, selectAPIKeyName, turnOffAPIKey, turnOnAPIKey, forgetFirstRefusal, deleteAPIKey, deleteSessionsOfKey,
		deleteKnockOfValue,
		insertAuthSession, insertAuthSessionByKey,
		deleteOldOfKey, deleteOldOfUser, deleteOldestOfKey, selectAuthSessionID, updateLastSeen, updateProvedAt,
		deleteAuthSession, deleteAuthSessionsOfUser, sweepAuthSessions,
		insertWebSession, deleteHeldByOldest, deleteOldestWebSessions, updateWebSession, selectWebSessionVersion,
		deleteHeldAuthSession, deleteWebSession,
		sweepHeldByEnded, sweepHeldByIdle, sweepEndedWebSessions, sweepIdleWebSessions,
		insertGrant, selectUserCode, claimGrant, decideGrant, cancelApproval, finishApproval, deliverGrant,
		sweepUndelivered, sweepDelivered, sweepGrants,
		updateKeyUse, insertKeyUse, upsertKeyRefusal,
		insertEvent, countRepeat, selectFullDay, selectBusyDay, insertRepeat, deleteEventsOfUser, deleteRepeatsOfUser, sweepEvents, sweepRepeats,
		deleteWebSessionsOfUser, forgetUserOfGrants,
		insertAnonymousUser, deleteAnonymousUser, lookAtAnonymous, postponeAnonymous, sweepAnonymousEvents, sweepAnonymous, forgetAnonymous,
		insertUnusedUser, deleteUnusedUser, selectUnusedUser, selectAuthSessionOfUser, countIdentities, moveIdentity, updateAuthSessionIdentity,
		unlinkIdentity, selectIdentityOfUser, deleteSessionsOfIdentity,
		updateKnock, insertKnock, roomInNetwork, roomForKnock, ignoreKnock, forgetHints, sweepKnocks, insertImportedKey,
		saveClock, boundAuthSessions, boundWebSessions, boundLinks, boundGrants, boundRecordingSince,
		insertServerKey, selectServerKeyOwner, selectServerKeyUser, upsertCustomData, deleteCustomData,
		insertCard, upsertLabel, upsertFingerprint, updateCardListed, deleteCardNotListed, deleteCard, deleteCardsOfUser, deleteReplacementsOfUser,
		markExpired, claimReminders, finishReminder,
		selectExpiry, updateExpiry, upsertCardExpiry, shortenSessionsOfKey, lengthenSessionsOfKey, selectCardExpiry, changeCardExpiry,
		selectReplaceable, selectNewKey, upsertReplacement, sawNewKey, parkedByTurn, undoneByTurn, undoneByNew, endReplacement, selectEvidence,
		moveQuiet, setBoth, restartQuiet, restartAllQuiet, boundReplacements, selectReplacementState, moveReplacement, deleteReplacement,
		markSaved, selectShown, upsertLeaked, selectLeaked,
		countPasskeys, insertPasskey, selectPasskeyID, updatePasskeyName, updatePasskeyUse, deletePasskey, selectPasskeyOfUser,
		removePassword, selectHasPassword,
		insertChallenge, roomForChallenges, roomForChallengesOf, useChallenge, deleteChallenge, deleteChallengesOfUser, sweepChallenges, boundChallenges,
		insertTicket, deleteOldTickets, deleteTicket, selectGeneration, sweepTickets,
		selectOperator, selectOtherOperator, insertOperator, deleteOperator, insertAct, selectKeyOfValue, sweepActs,
		insertWebhook, selectWebhook, selectWebhookRefusal, deleteWebhook, rotateWebhook, resealWebhook, turnWebhookOff, turnWebhookOn, insertCommandAct,
		claimWebhook, releaseWebhook, postponeUser, webhookDelivered, webhookFailed, retryQueued, deleteQueued, deleteQueuedOfUser,
		deleteQueuedOfWebhook, sweepQueued, webhookFull, webhookRoom, boundQueued, boundOldSecrets,
		insertHandover, deleteOldHandovers, insertHandedSession, openHandover, deleteOldBesideAsker, boundHandovers, sweepHandovers,
	}
}

// mustStatements are those that a job may end with only if they changed a row.
func mustStatements() []string {
	return []string{insertAPIKey, insertForm, insertAuthSessionByKey, updateKeyUse, insertAct}
}

// reboundTexts are all statements as PostgreSQL takes them.
func reboundTexts() map[string]string {
	texts := map[string]string{}
	for _, text := range slices.Concat(readStatements(), writeStatements(), onlyPostgres()) {
		texts[text] = rebind(text)
	}
	for _, text := range mustStatements() {
		texts[guard(text)] = guard(rebind(text))
	}
	return texts
}

// rebind writes the parameters of a statement as PostgreSQL does: ? is $1, $2 and so on, ?3 is $3. No text has a question mark otherwise.
func rebind(text string) string {
	var out strings.Builder
	parts := strings.Split(text, "?")
	out.WriteString(parts[0])
	for i, part := range parts[1:] {
		out.WriteByte('$')
		if part == "" || part[0] < '0' || '9' < part[0] {
			out.WriteString(strconv.Itoa(i + 1))
		}
		out.WriteString(part)
	}
	return out.String()
}
