"""Near-field links between a client without a network and a device: sound, QR codes, memory."""
