/** What this browser keeps for a page, in IndexedDB. */

/** One database, whose stores are all made with it. */
export class Database {
  /**
   * @param {string} name
   * @param {Record<string, IDBObjectStoreParameters>} stores By their names.
   */
  constructor(name, stores) {
    this.name = name;
    this.stores = stores;
  }

  /**
   * @param {IDBTransactionMode} mode
   * @param {string} name Of the object store.
   * @param {(store: IDBObjectStore) => IDBRequest} ask
   * @returns {Promise<any>} What was asked for, when all is done: on the disk, not only on its way
   *   there.
   */
  async inTransaction(mode, name, ask) {
    const database = await this.#open();
    try {
      return await new Promise((resolve, reject) => {
        // A try or a counter that a crash takes back would be used twice.
        const transaction = database.transaction(name, mode, { durability: "strict" });
        const asked = ask(transaction.objectStore(name));
        transaction.oncomplete = () => resolve(asked.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      database.close();
    }
  }

  /** @returns {Promise<IDBDatabase>} */
  #open() {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open(this.name, 1);
      opening.onupgradeneeded = () => {
        for (const [name, options] of Object.entries(this.stores)) {
          opening.result.createObjectStore(name, options);
        }
      };
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
  }
}
