exports = (payload) => ({ id: payload.pin });
